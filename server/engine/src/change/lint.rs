//! What a linter for migrations has to say, as remarks beside the statements.

use domain::change::Remark;
use rowan::TextSize;
use squawk_linter::{Linter, Rule};
use squawk_syntax::{Parse, SourceFile};

/// Rules that fit a procedure with its own transactions, time limits and approvals; matters of taste are left out, and so is what the
/// reading of the statement says itself.
const RULES: &[Rule] = &[
    Rule::AddingRequiredField,
    Rule::AddingSerialPrimaryKeyField,
    Rule::BanAlterDomainWithAddConstraint,
    Rule::BanCreateDomainWithConstraint,
    Rule::BanDuplicateColumnAssignments,
    Rule::BanTruncateCascade,
    Rule::ConstraintMissingNotValid,
    Rule::DisallowedUniqueConstraint,
    Rule::IdentifierTooLong,
    Rule::PreferBigintOverInt,
    Rule::PreferBigintOverSmallint,
    Rule::PreferTimestampTz,
    Rule::RequireConcurrentIndexCreation,
    Rule::RequireConcurrentIndexDeletion,
    Rule::RequireConcurrentPartitionDetach,
    Rule::RequireConcurrentReindex,
    Rule::RequireEnumValueOrdering,
];

/// Remarks by the place they are about.
pub(super) fn remarks(file: &Parse<SourceFile>, sql: &str) -> Vec<(TextSize, Remark)> {
    let mut linter = Linter::from(RULES.iter().copied());
    let mut found = linter.lint(file, sql);
    found.sort_by_key(|violation| violation.text_range.start());
    found
        .into_iter()
        .map(|violation| {
            let sentence = super::plain(violation.message.trim_end_matches('.'));
            let advice = violation.help.map(|help| super::plain(help.trim_end_matches('.'))).unwrap_or_default();
            let ended = |text: String| if text.is_empty() { text } else { format!("{text}.") };
            (violation.text_range.start(), Remark::new(ended(sentence), ended(advice)))
        })
        .collect()
}
