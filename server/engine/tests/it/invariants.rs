//! Each rule that the database enforces as well: tried to be broken by direct SQL, as a service and as the owner of the tables.
//!
//! The owner is asked because guard triggers are `ENABLE ALWAYS`: they hold for whoever has no right to switch them off, and for a
//! replica's session too.

mod absences;
mod by_hand;
mod calendars;
mod codes;
mod conversation;
mod delegations;
mod factors;
mod freezes;
mod glass;
mod grants;
mod identity;
mod kept_out;
mod lanes;
mod pauses;
mod people;
mod run_call;
mod runs;
mod series;
mod targets;
mod together;
mod trail;
mod webhooks;
mod yard;
