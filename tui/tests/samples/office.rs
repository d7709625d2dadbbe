//! Users, credits and the service, as an admin sees them.

use jiff::Timestamp;
use vbatch_tui::state::{NetEffect, NetMessage, Stream};
use vision_batch::v1;
use vision_batch::v1::wait;
use vision_batch::v1::watch_system_response::Event;

use super::{Driver, NOW, at, status, user};

/// Users as an admin sees them.
pub fn users() -> Vec<v1::User> {
    use v1::user::SignInMethod;
    let mut wang = user("zhangwei", v1::user::Role::User);
    wang.credit_balance = 174;
    wang.credits_held = 40;
    wang.active_item_count = 34;
    wang.completed_video_count = 1_204;
    wang.display_name = "张伟".to_owned();
    wang.online = true;
    wang.last_sign_in_time = at(-600);
    wang.last_sign_in_method = SignInMethod::Ssh.into();
    let mut fang = user("wang.fang", v1::user::Role::User);
    fang.credit_balance = 100;
    fang.password_change_required = true;
    let mut old = user("old.colleague", v1::user::Role::User);
    old.credit_balance = 3;
    old.disabled = true;
    old.completed_video_count = 77;
    old.last_sign_in_time = at(-4_000_000);
    let mut admin = user("admin", v1::user::Role::Admin);
    admin.last_sign_in_time = at(-90);
    admin.last_sign_in_method = SignInMethod::Password.into();
    vec![admin, old, fang, wang]
}

/// Movements of the credits of zhangwei, newest first: a batch of twenty, a refund, a gift.
pub fn entries() -> Vec<v1::LedgerEntry> {
    use v1::ledger_entry::Kind;
    let entry = |sequence: i64, commit: i64, kind: Kind, delta: i32, balance: i32, ago: i64| {
        v1::LedgerEntry {
            id: format!("entry-{sequence}"),
            sequence,
            commit_sequence: commit,
            user_id: "user-zhangwei".to_owned(),
            username: "zhangwei".to_owned(),
            kind: kind.into(),
            delta,
            balance_after: balance,
            create_time: at(-ago),
            actor: Some(v1::Actor {
                kind: v1::actor::Kind::User.into(),
                id: String::new(),
                name: "zhangwei".to_owned(),
            }),
            ..v1::LedgerEntry::default()
        }
    };
    let mut entries: Vec<v1::LedgerEntry> = (1..=20)
        .rev()
        .map(|number| {
            let position = i32::try_from(number).unwrap();
            let mut charge = entry(30 + number, 7, Kind::Charge, -1, 194 - position, 2_333);
            charge.batch_id = Some("batch-9".to_owned());
            charge.batch_name = Some("春季宣传片 第一批".to_owned());
            charge.item_position = Some(position);
            charge
        })
        .collect();
    let mut refund = entry(20, 6, Kind::Refund, 1, 194, 7_600);
    refund.batch_id = Some("batch-4".to_owned());
    refund.batch_name = Some("客服问候语".to_owned());
    refund.item_position = Some(4);
    if let Some(actor) = &mut refund.actor {
        actor.kind = v1::actor::Kind::System.into();
        actor.name = "system".to_owned();
    }
    let mut gift = entry(10, 5, Kind::Adjustment, 93, 193, 90_000);
    gift.note = "十一月的份额".to_owned();
    if let Some(actor) = &mut gift.actor {
        actor.name = "admin".to_owned();
    }
    entries.extend([refund, gift, entry(1, 1, Kind::Grant, 100, 100, 4_000_000)]);
    entries
}

/// The service as an admin sees it.
pub fn system() -> v1::SystemStatus {
    use v1::upstream_error_count::Class;
    use v1::warning::{Reason, Severity};
    let mut upstream = status(v1::upstream::TokenState::Ok).upstream.unwrap();
    upstream.host = "lightx2v.example:443".to_owned();
    upstream.last_success_time = at(-4);
    upstream.token_expire_time = at(68_400);
    upstream.accounts = vec![
        v1::UpstreamAccount {
            account: "studio-01".to_owned(),
            token_state: v1::upstream::TokenState::Ok.into(),
            running_attempts: 3,
            ..v1::UpstreamAccount::default()
        },
        v1::UpstreamAccount {
            account: "old-studio".to_owned(),
            token_state: v1::upstream::TokenState::Expired.into(),
            cleanups: 1,
            ..v1::UpstreamAccount::default()
        },
    ];
    let error = |class: Class, count| v1::UpstreamErrorCount {
        class: class.into(),
        count,
    };
    let done = [
        2, 3, 1, 0, 0, 0, 4, 6, 9, 12, 11, 8, 7, 12, 14, 9, 3, 0, 0, 1, 5, 8, 11, 4,
    ];
    v1::SystemStatus {
        version: "0.1.0".to_owned(),
        start_time: at(-400_000),
        dispatch: Some(v1::Dispatch {
            state: v1::dispatch::State::Running.into(),
            concurrency: 3,
            changed_by: "admin".to_owned(),
            change_time: at(-7_300),
        }),
        slots: Some(v1::Slots {
            limit: 3,
            running: 3,
            ..v1::Slots::default()
        }),
        engines: status(v1::upstream::TokenState::Ok).engines,
        waiting: vec![
            v1::WaitingCount {
                reason: wait::Reason::Slot.into(),
                count: 500,
            },
            v1::WaitingCount {
                reason: wait::Reason::BackOff.into(),
                count: 31,
            },
        ],
        oldest_pending_time: at(-2_280),
        expected_drain: super::spanning(460_000),
        upstream: Some(upstream),
        recent_errors: vec![error(Class::Busy, 2), error(Class::Reset, 1)],
        throughput: done
            .iter()
            .enumerate()
            .map(|(index, completed)| v1::ThroughputPoint {
                start_time: at((i64::try_from(index).unwrap() - 23) * 3_600 - 1_200),
                interval: super::spanning(3_600),
                completed: *completed,
                failed: i32::from(*completed > 11),
            })
            .collect(),
        storage: Some(v1::StorageUsage {
            images_bytes: 3 << 30,
            audios_bytes: 200 << 20,
            videos_bytes: 40 << 30,
            database_bytes: 412 << 20,
            disk_free_bytes: 78 << 30,
            disk_total_bytes: 200 << 30,
        }),
        sessions: 4,
        watchers: 6,
        last_verify: Some(v1::VerifyResult {
            finish_time: at(-4_800),
            ok: true,
            detail: String::new(),
        }),
        warnings: vec![
            v1::Warning {
                reason: Reason::UpstreamTokenExpiring.into(),
                severity: Severity::Warning.into(),
                metadata: [(
                    "expire_time".to_owned(),
                    Timestamp::from_second(NOW + 68_400).unwrap().to_string(),
                )]
                .into(),
                ..v1::Warning::default()
            },
            v1::Warning {
                reason: Reason::BackupMissing.into(),
                severity: Severity::Info.into(),
                ..v1::Warning::default()
            },
        ],
        ..v1::SystemStatus::default()
    }
}

/// What was done and tried, newest first.
pub fn events() -> Vec<v1::AuditEvent> {
    use v1::actor::Kind;
    use v1::audit_event::Outcome;
    let event = |sequence: i64, ago: i64, who: (Kind, &str), action: &str, about: (&str, &str)| {
        v1::AuditEvent {
            id: format!("0198c0de-0000-7000-8000-00000000e{sequence:03}"),
            sequence,
            create_time: at(-ago),
            actor: Some(v1::Actor {
                kind: who.0.into(),
                id: match who.0 {
                    Kind::User => format!("user-{}", who.1),
                    _ => String::new(),
                },
                name: who.1.to_owned(),
            }),
            action: action.to_owned(),
            target: Some(v1::audit_event::Target {
                kind: about.0.to_owned(),
                id: match about.0 {
                    "dispatch" | "upstream" | "system" => String::new(),
                    kind => format!("{kind}-{sequence}"),
                },
                name: about.1.to_owned(),
            }),
            address: match who.0 {
                Kind::System | Kind::Owner => String::new(),
                _ => "192.0.2.17".to_owned(),
            },
            outcome: Outcome::Succeeded.into(),
            detail: String::new(),
        }
    };
    let (admin, wang) = ((Kind::User, "admin"), (Kind::User, "zhangwei"));
    let mut guess = event(
        8,
        70,
        (Kind::Anonymous, "anonymous"),
        "sign_in",
        ("user", "admin"),
    );
    guess.outcome = Outcome::Refused.into();
    guess.detail = "wrong password".to_owned();
    let mut moved = event(7, 600, admin, "credits.adjust", ("user", "zhangwei"));
    moved.detail = "+50: 十一月的份额".to_owned();
    let mut token = event(6, 3_900, admin, "upstream_token.set", ("upstream", ""));
    token.outcome = Outcome::Failed.into();
    token.detail = "The upstream did not answer within 30 s.".to_owned();
    vec![
        event(
            9,
            20,
            wang,
            "batch.delete",
            ("batch", "春季宣传片 第一批（王老师口播）"),
        ),
        guess,
        moved,
        token,
        event(5, 7_300, admin, "dispatch.set", ("dispatch", "")),
        event(4, 9_000, wang, "batch.create", ("batch", "客服问候语")),
        event(
            3,
            90_000,
            (Kind::Owner, "owner"),
            "password.reset",
            ("user", "admin"),
        ),
        event(
            2,
            200_000,
            (Kind::System, "system"),
            "key.revoke",
            ("key", "ci"),
        ),
        event(1, 400_000, admin, "user.create", ("user", "zhangwei")),
    ]
}

/// Keys for programs, newest first.
pub fn api_keys() -> Vec<v1::ApiKey> {
    use v1::api_key::Scope;
    let key = |number: i64, name: &str, scope: Scope, ends: Option<i64>| v1::ApiKey {
        id: format!("0198c0de-0000-7000-8000-00000000a{number:03}"),
        user_id: "user-admin".to_owned(),
        name: name.to_owned(),
        secret_prefix: format!("vbk_h7m2kq{number:02}"),
        scopes: vec![scope.into()],
        create_time: at(number * 86_400 - 900_000),
        expire_time: ends.and_then(at),
        last_used_time: None,
    };
    let mut nightly = key(3, "nightly", Scope::Submit, Some(86_400 * 80));
    nightly.last_used_time = at(-7_000);
    let mut old = key(1, "旧的构建机", Scope::Read, Some(-3_600));
    old.last_used_time = at(-4_000);
    vec![
        key(
            4,
            "backup of the admin's own machine",
            Scope::Admin,
            Some(30_000),
        ),
        nightly,
        key(2, "dashboard", Scope::Read, None),
        old,
    ]
}

/// Answers every question about users, movements and the service that was asked and not answered yet.
pub fn answer_admin(driver: &mut Driver) {
    loop {
        let asked = driver.asked();
        if asked.is_empty() {
            return;
        }
        for effect in asked {
            let answer = match effect {
                NetEffect::ListUsers { number, .. } => NetMessage::UserPage {
                    number,
                    result: Ok(Box::new(v1::ListUsersResponse {
                        users: users(),
                        next_page_token: String::new(),
                    })),
                },
                NetEffect::ListLedger { number, request } => {
                    let all = entries();
                    let mine = request.user_id == "user-zhangwei";
                    NetMessage::LedgerPage {
                        user_id: request.user_id,
                        number,
                        result: Ok(Box::new(v1::ListLedgerEntriesResponse {
                            entries: if mine { all } else { Vec::new() },
                            next_page_token: String::new(),
                        })),
                    }
                }
                NetEffect::WatchSystem => {
                    driver.net(NetMessage::StreamOpened(Stream::System));
                    NetMessage::System(Box::new(Event::Status(system())))
                }
                NetEffect::ListAudit { number, .. } => NetMessage::AuditPage {
                    number,
                    result: Ok(Box::new(v1::ListAuditEventsResponse {
                        events: events(),
                        next_page_token: String::new(),
                    })),
                },
                NetEffect::ListApiKeys { number, .. } => NetMessage::ApiKeyPage {
                    number,
                    result: Ok(Box::new(v1::ListApiKeysResponse {
                        api_keys: api_keys(),
                        next_page_token: String::new(),
                    })),
                },
                _ => continue,
            };
            driver.net(answer);
        }
    }
}
