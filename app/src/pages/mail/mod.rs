//! Mail: what waits to leave, and the mailbox of a demo.

mod mailbox;
mod message;
mod outbox;

pub use mailbox::MailboxPage;
pub use message::MailShowPage;
pub use outbox::OutboxPage;
