//! What a form sends by a procedure that sends a text: what is typed for one occasion, or people's own text with the values that are typed for it.

use super::{Proposal, ProposalForm};
use crate::change::{Change, ChangeForm, old_rows};
use crate::decision::FieldError;
use crate::procedure::library::{self, OLD_ROWS_POSTGRESQL};
use crate::procedure::{Procedure, Shelf};

/// Reads what is typed for the procedure of this key.
pub type ReadTyped<'a> = dyn Fn(&str, &ChangeForm) -> Result<Change, Vec<FieldError>> + 'a;

/// Reads what is typed as far as that needs nobody who can read SQL.
///
/// # Errors
/// One [`FieldError`] where it does, or for the rules about old rows.
pub fn no_sql(procedure: &str, form: &ChangeForm) -> Result<Change, Vec<FieldError>> {
    match procedure {
        OLD_ROWS_POSTGRESQL => old_rows::read(&form.old_rows),
        _ => Err(vec![FieldError::new("procedure", "A change for one occasion is proposed in a window of its own.")]),
    }
}

impl ProposalForm {
    /// The rules about old rows where those are proposed, as they were typed; else empty.
    #[must_use]
    pub fn lines(&self) -> &str {
        if self.procedure == OLD_ROWS_POSTGRESQL { &self.change.old_rows } else { "" }
    }

    /// Reads every field; all errors at once. What sends SQL is refused: whoever can read that uses [`Self::parse_with`].
    ///
    /// # Errors
    /// One [`FieldError`] for each field that cannot be taken.
    pub fn parse(&self, shelf: &Shelf) -> Result<Proposal, Vec<FieldError>> {
        self.parse_with(shelf, &no_sql)
    }

    /// The same for what is proposed again and again: a text that is typed for one occasion is refused.
    ///
    /// # Errors
    /// As [`Self::parse`].
    pub fn parse_again_and_again(&self, shelf: &Shelf, read: &ReadTyped<'_>) -> Result<Proposal, Vec<FieldError>> {
        self.parse_with(shelf, &|procedure, form| {
            if library::is_for_once(procedure) {
                return Err(vec![FieldError::new("procedure", "A change for one occasion is proposed in a window of its own.")]);
            }
            read(procedure, form)
        })
    }

    /// What a procedure that sends a text sends by this form: what is typed in it, or the procedure's own text with the values that are.
    ///
    /// # Errors
    /// One [`FieldError`] for each value that cannot be taken.
    pub fn text_of(&self, procedure: &Procedure) -> Result<ChangeForm, Vec<FieldError>> {
        match procedure.own_sql() {
            Some((sql, values)) => sql.fill(values, &self.change.values),
            None => Ok(self.change.clone()),
        }
    }
}
