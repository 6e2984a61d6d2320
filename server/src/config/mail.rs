//! How mail leaves, as far as the environment says so; the rest is set at run time.

use engine::notifier::MailPins;

use super::environment::Reader;

/// The mail settings of the environment. Whether they fit together with the stored ones is judged when mail leaves.
pub(super) fn pins(reader: &mut Reader<'_>) -> MailPins {
    let port = reader.text("DRYDOCK_SMTP_PORT");
    let tls = reader.text("DRYDOCK_SMTP_TLS");
    MailPins {
        host: reader.text("DRYDOCK_SMTP_HOST"),
        port: reader.judge("DRYDOCK_SMTP_PORT", port, |text| match text.parse::<u16>() {
            Ok(port) if port > 0 => Ok(port),
            _ => Err(format!("is {text:?}, not a port from 1 to 65535")),
        }),
        tls: reader.judge("DRYDOCK_SMTP_TLS", tls, |text| match text {
            "starttls" | "implicit" | "none" => Ok(text.to_owned()),
            _ => Err(format!("is {text:?}: starttls, implicit or none")),
        }),
        from: reader.text("DRYDOCK_SMTP_FROM"),
        username: reader.text("DRYDOCK_SMTP_USERNAME"),
        password: reader.text("DRYDOCK_SMTP_PASSWORD").map(Into::into),
    }
}
