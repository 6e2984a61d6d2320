//! Where the worker may call out to.

use domain::network::Network;
use engine::outbound::Rules;

use super::{environment::Reader, parse_switch};

/// The rules of the environment: without any only public addresses are called, and only by https.
pub(super) fn rules(reader: &mut Reader<'_>) -> Rules {
    let networks = reader.text("DRYDOCK_OUTBOUND_ALLOW");
    let allowed = reader.judge("DRYDOCK_OUTBOUND_ALLOW", networks, |text| {
        text.split(',').map(str::trim).filter(|part| !part.is_empty()).map(str::parse::<Network>).collect::<Result<Vec<_>, _>>()
    });
    let plain = reader.text("DRYDOCK_OUTBOUND_PLAIN_HTTP");
    let plain_http = reader.judge("DRYDOCK_OUTBOUND_PLAIN_HTTP", plain, parse_switch).unwrap_or(false);
    Rules { plain_http, allowed: allowed.unwrap_or_default() }
}
