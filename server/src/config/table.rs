//! Every setting with its meaning: `drydock --help` and the README show this table, and a test compares it with what is read.

use std::fmt::Write as _;

/// One setting of the process.
#[derive(Debug, Clone, Copy)]
pub struct Setting {
    /// Name in the environment; the same with `_FILE` names a file that holds the value.
    pub name: &'static str,
    /// What happens without it.
    pub default: &'static str,
    /// What it is.
    pub about: &'static str,
}

const fn setting(name: &'static str, default: &'static str, about: &'static str) -> Setting {
    Setting { name, default, about }
}

/// All of them, in the order in which people meet them.
pub const SETTINGS: &[Setting] = &[
    setting("DRYDOCK_LISTEN", "127.0.0.1:8080", "address and port of the web pages; the same as --listen"),
    setting(
        "DRYDOCK_PUBLIC_URL",
        "http:// and the address listened on",
        "what people type and mails link to, such as https://drydock.example",
    ),
    setting("DRYDOCK_DATA_DIR", ".drydock", "folder of keys, anchors, logs and the private cluster; the same as --data-dir"),
    setting("DRYDOCK_SITE_DIR", "beside the program", "folder of the built site"),
    setting("DATABASE_URL", "a private cluster in the data folder", "the state database, for every purpose without a URL of its own"),
    setting("DRYDOCK_OWNER_DATABASE_URL", "DATABASE_URL", "the state database as the owner of its schema: migrate and create-admin"),
    setting("DRYDOCK_WEB_DATABASE_URL", "DATABASE_URL", "the state database as the web process's role"),
    setting("DRYDOCK_WORKER_DATABASE_URL", "DATABASE_URL", "the state database as the worker's role"),
    setting("DRYDOCK_AUDITOR_DATABASE_URL", "DATABASE_URL", "the state database as a role that only reads the trail"),
    setting("DRYDOCK_ROLE_SUFFIX", "empty", "suffix of the roles' usual names, where two installations share a PostgreSQL"),
    setting("DRYDOCK_TRUSTED_PROXIES", "none", "addresses or networks of proxies whose X-Forwarded-For is believed, separated by commas"),
    setting("DRYDOCK_ALLOW_PLAIN_HTTP", "0", "1 lets serve listen beyond this machine without https"),
    setting("DRYDOCK_SMTP_HOST", "set at run time", "mail server; without one messages wait in the outbox"),
    setting("DRYDOCK_SMTP_PORT", "587, 465 or 25 by protection", "its port"),
    setting("DRYDOCK_SMTP_TLS", "starttls", "starttls, implicit or none"),
    setting("DRYDOCK_SMTP_FROM", "set at run time", "sender of every mail"),
    setting("DRYDOCK_SMTP_USERNAME", "no sign-in", "user name at the mail server"),
    setting("DRYDOCK_SMTP_PASSWORD", "no sign-in", "password at the mail server; better as _FILE"),
    setting(
        "DRYDOCK_OUTBOUND_ALLOW",
        "public addresses only",
        "internal networks that webhooks may call, such as 10.1.0.0/16, separated by commas",
    ),
    setting("DRYDOCK_OUTBOUND_PLAIN_HTTP", "0", "1 lets webhooks call http:// too, which everybody on the way can read"),
    setting(
        "DRYDOCK_BACKUPS_DIR",
        "none: no backup is proven",
        "the worker's: folder that holds one folder of backups for each database, by its short name",
    ),
    setting(
        "DRYDOCK_SCRATCH_DIR",
        "scratch in the data folder",
        "the worker's: where it restores backups into throwaway servers; needs room for the largest database",
    ),
    setting("DRYDOCK_LOG", "info,sqlx=warn", "what is logged, such as info,engine::runner=debug"),
    setting("DRYDOCK_LOG_FORMAT", "text", "text or json: one JSON object a line"),
    setting("DRYDOCK_METRICS_TOKEN", "none: /metrics is not there", "bearer token that opens /metrics; better as _FILE"),
    setting("DRYDOCK_METRICS_LISTEN", "none", "own address and port of the web process's metrics; off loopback it needs the token"),
    setting("DRYDOCK_WORKER_METRICS_LISTEN", "none", "own address and port of the worker's metrics; off loopback it needs the token"),
    setting(
        "DRYDOCK_DRAIN_SECONDS",
        "3",
        "how long a web process that was asked to stop still serves, so that balancers see /readyz fail; 0 to 60",
    ),
    setting("DRYDOCK_ADMIN_PASSWORD", "one is made", "password that create-admin sets; better as _FILE"),
];

/// The table as text for `--help`.
pub fn help() -> String {
    let mut text = String::from("Settings come from the environment; NAME_FILE names a file that holds the value of NAME.\n");
    for Setting { name, default, about } in SETTINGS {
        let _ = write!(text, "\n  {name}\n          {about} [default: {default}]");
    }
    text
}

/// The table as the README shows it.
pub fn markdown() -> String {
    let mut text = String::from("| setting | without it | what it is |\n|---|---|---|\n");
    for Setting { name, default, about } in SETTINGS {
        let _ = writeln!(text, "| `{name}` | {default} | {about} |");
    }
    text
}
