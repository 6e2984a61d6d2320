//! Accounts that a run keeps out: on record before they are shut, and when they are as before.

use super::Ledger;
use super::runs::Tenure;
use crate::error::Result;
use crate::store::kept_out::KeptOut;
use domain::ids::RunId;

impl Ledger<'_> {
    /// They are about to be shut.
    pub async fn keep_out(&mut self, tenure: Tenure, server: &str, accounts: &[KeptOut]) -> Result<()> {
        self.keep(tenure).await?;
        for account in accounts {
            sqlx::query!(
                "INSERT INTO drydock.kept_out (run_id, number, account_oid, account, server, could_sign_in) VALUES ($1, $2, $3, $4, $5, $6)",
                tenure.run.0,
                account.number,
                i64::from(account.oid),
                account.account,
                server,
                account.could_sign_in
            )
            .execute(&mut *self.db)
            .await?;
        }
        Ok(())
    }

    /// One was seen to be as before. It needs no lease: whoever finds it out may be anybody's worker.
    pub async fn let_in(&mut self, run: RunId, account: &KeptOut, said: &str) -> Result<()> {
        sqlx::query!(
            "UPDATE drydock.kept_out AS k SET let_in_at = clock_timestamp(), said = $4
             WHERE k.run_id = $1 AND k.number = $2 AND k.account_oid = $3 AND k.let_in_at IS NULL",
            run.0,
            account.number,
            i64::from(account.oid),
            said
        )
        .execute(&mut *self.db)
        .await?;
        Ok(())
    }
}
