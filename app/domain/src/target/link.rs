//! Databases that share something although nothing they say of themselves shows it: people link them.

use crate::decision::{FieldError, FormCheck};
use crate::people::words;
use serde::{Deserialize, Serialize};

/// Most links of one database.
pub const MOST_LINKS: usize = 50;

/// What two linked databases share.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LinkKind {
    /// The data: one replicates from the other.
    Replica,
    /// Disks, memory and cores.
    Machine,
}

words!(LinkKind {
    LinkKind::Replica = "replica" / "It is a replica of that one",
    LinkKind::Machine = "machine" / "Both are on the same machine",
});

/// How a database is linked, read from its own side.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Linked {
    /// It replicates from the other one.
    ReplicaOf,
    /// The other one replicates from it.
    HasReplica,
    /// They are on the same machine.
    SameMachine,
}

impl Linked {
    /// From what is kept; `own` says that it was said on this database's page.
    #[must_use]
    pub fn of(kind: LinkKind, own: bool) -> Self {
        match (kind, own) {
            (LinkKind::Replica, true) => Self::ReplicaOf,
            (LinkKind::Replica, false) => Self::HasReplica,
            (LinkKind::Machine, _) => Self::SameMachine,
        }
    }
    /// Before the other one's name.
    #[must_use]
    pub fn label(self) -> &'static str {
        match self {
            Self::ReplicaOf => "Replica of",
            Self::HasReplica => "Replicated by",
            Self::SameMachine => "Same machine as",
        }
    }
}

/// What was typed to link a database.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct LinkForm {
    /// Short name of the other one.
    pub other: String,
    /// A word of [`LinkKind`].
    pub kind: String,
}

impl LinkForm {
    /// The other one's short name and what they share, if both were typed; otherwise every error at once.
    pub fn parse(&self, own: &str) -> Result<(String, LinkKind), Vec<FieldError>> {
        let mut form = FormCheck::default();
        let other = self.other.trim().to_lowercase();
        let named = match other.as_str() {
            "" => Err(FieldError::new("other", "Type the short name of the other database.")),
            same if same == own => Err(FieldError::new("other", "That is this database itself. Type the short name of another one.")),
            _ => Ok(other),
        };
        let kind = LinkKind::from_word(self.kind.trim()).ok_or_else(|| FieldError::new("kind", "Choose what the two share."));
        let parts = form.take(named).zip(form.take(kind));
        form.finish(parts)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_names_another_database_and_what_they_share() {
        let typed = |other: &str, kind: &str| LinkForm { other: other.into(), kind: kind.into() }.parse("prod-orders");
        let fields = |errors: Vec<FieldError>| errors.into_iter().map(|error| error.field).collect::<Vec<_>>();
        assert_eq!(typed(" Prod-CRM ", "machine"), Ok(("prod-crm".to_owned(), LinkKind::Machine)));
        assert_eq!(typed("", "").map_err(fields), Err(vec!["other".to_owned(), "kind".to_owned()]));
        assert_eq!(typed("prod-orders", "replica").map_err(fields), Err(vec!["other".to_owned()]));
    }

    #[test]
    fn each_side_reads_it_from_its_own_page() {
        assert_eq!(Linked::of(LinkKind::Replica, true).label(), "Replica of");
        assert_eq!(Linked::of(LinkKind::Replica, false).label(), "Replicated by");
        assert_eq!(Linked::of(LinkKind::Machine, true), Linked::of(LinkKind::Machine, false));
    }
}
