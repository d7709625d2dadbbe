//! The service as it is now, and running, pausing or draining it.

use jiff::Timestamp;

use super::upstream::AccountUse;
use super::warnings::{self, Warning};
use super::{Admin, require_admin};
use crate::disk::{self, DiskSpace};
use crate::domain::books::last_look::{self, LastLook};
use crate::domain::dispatching::{DispatchSettings, DispatchState, MAX_CONCURRENCY};
use crate::domain::ids::InstanceId;
use crate::domain::restored::Restored;
use crate::service::Caller;
use crate::service::error::ServiceError;
use crate::service::overview::Overview;
use crate::store::query::{HourCount, Totals};

/// The setting that keeps when the last backup was made: microseconds since 1970, big-endian.
pub const LAST_BACKUP_SETTING: &str = "last_backup_time";

/// What an admin may know of the service as it is now.
#[derive(Debug, Clone)]
pub struct SystemReport {
    /// This start of the server.
    pub instance: InstanceId,
    /// When it was.
    pub start_time: Timestamp,
    /// When this was read.
    pub now: Timestamp,
    /// What every user may know.
    pub overview: Overview,
    /// The upstream accounts whose tokens are kept, the present one first.
    pub accounts: Vec<AccountUse>,
    /// Items that ended in each of the last hours, oldest first.
    pub throughput: Vec<HourCount>,
    /// Sums over everything.
    pub totals: Totals,
    /// Room on the disk, where the system says.
    pub disk: Option<DiskSpace>,
    /// Tokens that were used in this run and have not expired.
    pub sessions: usize,
    /// Open streams.
    pub watchers: u32,
    /// When the last backup was made.
    pub last_backup_time: Option<Timestamp>,
    /// The last look at everything that is stored.
    pub last_verify: Option<LastLook>,
    /// The mark of a restored copy.
    pub restored: Option<Restored>,
    /// What an admin should know, worst first.
    pub warnings: Vec<Warning>,
}

impl Admin {
    /// The service as it is now.
    ///
    /// # Errors
    ///
    /// ADMIN_REQUIRED.
    pub async fn system_status(&self, caller: &Caller) -> Result<SystemReport, ServiceError> {
        require_admin(caller)?;
        let parts = &self.parts;
        let now = parts.clock.now();
        let sessions = parts.accounts.sessions();
        let mut report = SystemReport {
            instance: parts.instance,
            start_time: parts.start_time,
            now,
            overview: Overview::read(parts.store.as_ref(), &parts.feed, &parts.offer, now).await?,
            accounts: self.account_uses().await?,
            throughput: parts.store.throughput(now).await?,
            totals: parts.store.totals().await?,
            disk: disk::space(&parts.data_dir),
            sessions: sessions.count(now),
            watchers: sessions.streams(),
            last_backup_time: parts
                .store
                .setting(LAST_BACKUP_SETTING)
                .await?
                .and_then(|bytes| <[u8; 8]>::try_from(bytes).ok())
                .and_then(|bytes| Timestamp::from_microsecond(i64::from_be_bytes(bytes)).ok()),
            last_verify: parts
                .store
                .setting(last_look::SETTING)
                .await?
                .and_then(|bytes| LastLook::from_bytes(&bytes)),
            restored: parts.store.restored().await?,
            warnings: Vec::new(),
        };
        report.warnings = warnings::of(&report, parts.accounts.default_password_stands());
        Ok(report)
    }

    /// Runs, pauses or drains dispatch, and sets the number of upstream slots; what is absent stays.
    ///
    /// # Errors
    ///
    /// ADMIN_REQUIRED, FIELD_INVALID.
    pub async fn set_dispatch(
        &self,
        caller: &Caller,
        state: Option<DispatchState>,
        concurrency: Option<i32>,
    ) -> Result<DispatchSettings, ServiceError> {
        require_admin(caller)?;
        let concurrency = concurrency.map(read_concurrency).transpose()?;
        let _changing = self.changing.lock().await;
        let standing = self.parts.store.dispatch_settings().await?;
        let settings = DispatchSettings {
            state: state.unwrap_or(standing.state),
            concurrency: concurrency.unwrap_or(standing.concurrency),
            changed_by: caller.actor(),
            change_time: self.parts.clock.now(),
        };
        if (settings.state, settings.concurrency) == (standing.state, standing.concurrency) {
            return Ok(standing);
        }
        self.parts
            .store
            .set_dispatch_settings(settings.clone())
            .await?;
        Ok(settings)
    }
}

fn read_concurrency(concurrency: i32) -> Result<u32, ServiceError> {
    u32::try_from(concurrency)
        .ok()
        .filter(|concurrency| (1..=MAX_CONCURRENCY).contains(concurrency))
        .ok_or_else(|| {
            let message = format!("concurrency must be between 1 and {MAX_CONCURRENCY}.");
            ServiceError::field("concurrency", message).with("limit", MAX_CONCURRENCY)
        })
}
