//! Owns the Chinese words of the screens of admins.

use vision_batch::v1;
use vision_batch::v1::upstream_error_count::Class;
use vision_batch::v1::warning::Reason;

use super::refusals::refusal_words;
use crate::state::{DAYS_MOST, Disclosed, Entry, Flaw, Note, Purpose, moment};
use crate::text::admin::AdminTexts;
use crate::text::format::count;
use crate::text::{Clock, span};

pub(super) static ADMIN: AdminTexts = AdminTexts {
    users: "用户",
    count_users: |number| format!("{} 个用户", count(number)),
    col_username: "用户名",
    col_display_name: "姓名",
    col_role: "角色",
    col_state: "状态",
    col_credits: "点数",
    col_held: "占用",
    col_active: "进行中",
    col_videos: "视频",
    col_last_sign_in: "最近登录",
    role: |role| match role {
        v1::user::Role::Admin => "管理员",
        v1::user::Role::User | v1::user::Role::Unspecified => "用户",
    },
    disabled: "已停用",
    let_in: "启用",
    first_password: "初始密码",
    password_expired: "密码过期",
    active: "正常",
    now: "在线",
    never: "从未",
    ago: |span| format!("{span} 前"),
    by_method: |method| match method {
        v1::user::SignInMethod::Ssh => "ssh",
        v1::user::SignInMethod::ApiKey => "密钥",
        _ => "",
    },

    ledger_of: |name| format!("{name}  点数流水，最新在前"),
    balance_and_held: |balance, held| match held {
        0 => format!("{} 点", count(balance)),
        _ => format!(
            "{} 点，另有 {} 点被进行中的任务占用",
            count(balance),
            count(held)
        ),
    },
    no_movements: "还没有变动。",
    col_time: "时间",
    col_kind: "类别",
    col_delta: "点数",
    col_balance: "余额",
    col_by: "经手",
    col_about: "关于",
    kind: |kind| match kind {
        v1::ledger_entry::Kind::Unspecified => "",
        v1::ledger_entry::Kind::Grant => "初始",
        v1::ledger_entry::Kind::Charge => "扣点",
        v1::ledger_entry::Kind::Refund => "退还",
        v1::ledger_entry::Kind::Adjustment => "调整",
    },
    n_items: |number| format!("{} 个任务", count(number)),
    the_system: "系统",

    dialog_title: |purpose| match purpose {
        Purpose::NewUser => "新建用户".to_owned(),
        Purpose::Give(user) => format!("增减 {} 的点数", user.username),
        Purpose::Set(user) => format!("设定 {} 的点数", user.username),
        Purpose::Token => "填入新的上游令牌".to_owned(),
        Purpose::NewKey { .. } => "新建 API 密钥".to_owned(),
    },
    entry: |entry| match entry {
        Entry::Username => "用户名",
        Entry::DisplayName => "姓名",
        Entry::Role => "角色",
        Entry::Credits | Entry::Delta => "点数",
        Entry::Note => "原因",
        Entry::Token => "令牌",
        Entry::KeyName => "名称",
        Entry::Scope => "权限",
        Entry::Days => "天数",
    },
    entry_hint: |entry| match entry {
        Entry::Username => "登录用",
        Entry::DisplayName => "显示用，可留空",
        Entry::Role | Entry::Scope => "空格切换",
        Entry::KeyName => "给哪个程序用",
        Entry::Days => "有效天数，留空则永不到期",
        Entry::Credits => "留空则用服务器默认值",
        Entry::Delta => "50 为增加，-50 为扣减",
        Entry::Note => "记入流水",
        Entry::Token => "先试用再生效",
    },
    flaw: |flaw| match flaw {
        Flaw::Empty(Entry::Token) => "请填入令牌。".to_owned(),
        Flaw::Empty(Entry::KeyName) => "请填写名称，以便辨认。".to_owned(),
        Flaw::NoNumber(Entry::Days) => format!("请填 1 到 {} 的整数。", count(DAYS_MOST)),
        Flaw::Empty(_) => "请填写用户名。".to_owned(),
        Flaw::NoNumber(Entry::Delta) => "请填整数：50 为增加，-50 为扣减。".to_owned(),
        Flaw::NoNumber(_) => "请填不小于 0 的整数。".to_owned(),
        Flaw::BelowZero => "余额不足：余额不会低于 0。".to_owned(),
        Flaw::Refused(refusal) => refusal_words(refusal),
    },
    balance_from_to: |from, to| format!("余额 {} -> {}", count(from), count(to)),
    sending: "正在询问服务器 ...",
    copy: "复制",
    note_title: |what| match what {
        Disclosed::NewUser | Disclosed::Reset => "一次性密码",
        Disclosed::ApiKey => "API 密钥",
    },
    note_lines: |note: &Note, clock: &Clock| {
        let name = &note.name;
        let until = note.until.map_or(String::new(), |until| {
            // A key may live for years.
            let until = match note.what {
                Disclosed::ApiKey => clock.on(until),
                _ => clock.at(until),
            };
            format!("有效期至 {until}。")
        });
        let first = match note.what {
            Disclosed::NewUser => format!("已建用户 {name}。此密码只显示这一次："),
            Disclosed::Reset => format!("{name} 已在各处退出登录。此密码只显示这一次："),
            Disclosed::ApiKey => format!("已建密钥 {name}。其内容只显示这一次："),
        };
        let last = match note.what {
            Disclosed::ApiKey => format!("以后不再显示：请存放在只有该程序能读取的地方。{until}"),
            _ => format!("首次登录时必须修改。{until}"),
        };
        vec![
            first,
            String::new(),
            note.secret().to_owned(),
            String::new(),
            last,
        ]
    },

    system: "系统",
    dispatch: "调度",
    upstream: "上游",
    server: "服务器",
    state: "状态",
    dispatch_state: |state| match state {
        v1::dispatch::State::Unspecified => "未知",
        v1::dispatch::State::Running => "运行中",
        v1::dispatch::State::Paused => "已暂停",
        v1::dispatch::State::Draining => "收尾中",
    },
    changed_by: |who, ago| format!("{who} 于 {ago} 前"),
    slots: "并发",
    taken_of: |taken, limit| format!("{taken}/{limit}"),
    cleanup: |number| format!("{number} 个正在结束"),
    foreign: |number| format!("{number} 个非本服务"),
    waiting: "等待",
    waiting_items: |number, oldest| match oldest {
        Some(oldest) => format!("{} 个任务，最久 {oldest}", count(number)),
        None => format!("{} 个任务", count(number)),
    },
    drains_in: "预计做完",
    a_day: |limit| format!("每天最多 {}", count(limit)),
    preview: "预览",
    health_is: "健康",
    health: |health| match health {
        v1::engine_info::Health::Unspecified => "尚不清楚",
        v1::engine_info::Health::Ok => "正常",
        v1::engine_info::Health::Degraded => "缓慢或繁忙",
        v1::engine_info::Health::Unreachable => "无响应",
        v1::engine_info::Health::TokenNeeded => "缺少令牌",
        v1::engine_info::Health::Unavailable => "未配置",
    },
    answered: |ago| format!("{ago} 前有响应"),
    token: "令牌",
    token_state: |state| match state {
        v1::upstream::TokenState::Unspecified => "尚未使用",
        v1::upstream::TokenState::NotSet => "未设置",
        v1::upstream::TokenState::Ok => "正常",
        v1::upstream::TokenState::Expired => "已过期",
        v1::upstream::TokenState::Refused => "被拒绝",
    },
    ends_in: |span| format!("{span} 后到期"),
    day_use: "24 h 用量",
    next_free: |at| format!("{at} 可继续"),
    unlimited: "不限",
    account: "账号",
    account_work: |account| {
        let words: Vec<String> = [
            (account.running_attempts, "个进行中"),
            (account.unresolved_submits, "个未得答复"),
            (account.cleanups, "个正在结束"),
            (account.fetches, "个取回中"),
        ]
        .into_iter()
        .filter(|(number, _)| *number > 0)
        .map(|(number, what)| format!("{number} {what}"))
        .collect();
        if words.is_empty() {
            "没有剩余工作".to_owned()
        } else {
            words.join("，")
        }
    },
    errors: "1 h 错误",
    no_errors: "无",
    error_class: |class| match class {
        Class::Unspecified => "其他",
        Class::Busy => "繁忙",
        Class::Rate => "太快",
        Class::DailyLimit => "限额",
        Class::Authentication => "令牌",
        Class::Unreachable => "连不上",
        Class::Reset => "中断",
        Class::Timeout => "超时",
        Class::Server => "上游出错",
        Class::Malformed => "无法理解",
        Class::BadInput => "输入不可用",
        Class::NotFound => "不存在",
    },
    no_upstream: "未配置：只有预览",
    throughput: "每小时视频，最近 24 h",
    throughput_sum: |completed, failed| match failed {
        0 => format!("完成 {}", count(completed)),
        _ => format!("完成 {}，失败 {}", count(completed), count(failed)),
    },
    up_for: |span| format!("已运行 {span}"),
    sessions: |sessions, watchers| format!("{sessions} 个会话，{watchers} 个数据流"),
    disk: "磁盘",
    disk_free: |free, total| format!("剩余 {free}，共 {total}"),
    files: |images, audios, videos| format!("图片 {images}  音频 {audios}  视频 {videos}"),
    database: |size| format!("数据库 {size}"),
    last_backup: "最近备份",
    balances: "核对",
    balances_are: |result| match result {
        None => "从未".to_owned(),
        Some((true, ago)) => format!("{ago} 前一致"),
        Some((false, ago)) => format!("{ago} 前不一致"),
    },
    warning,
};

fn warning(warning: &v1::Warning, clock: &Clock) -> String {
    let since = warning.since.as_ref().map_or(String::new(), |since| {
        format!("自 {} 起", clock.at(moment(since)))
    });
    let expires = || {
        let until = warning.metadata.get("expire_time")?.parse().ok()?;
        Some(format!(
            "上游令牌 {} 后到期（{}）。按 t 填入新的。",
            span(clock.seconds_until(until)),
            clock.at(until)
        ))
    };
    let known = match warning.reason() {
        Reason::DefaultPassword => "管理员仍在用初始密码，请修改：vbatch passwd",
        Reason::NoTls => "服务器对外监听但没有 TLS。",
        Reason::UpstreamTokenNotSet => "没有上游令牌。按 t 填入。",
        Reason::UpstreamTokenExpiring => {
            return expires().unwrap_or_else(|| "上游令牌即将到期。按 t 填入新的。".to_owned());
        }
        Reason::UpstreamTokenExpired => "上游令牌已过期。按 t 填入新的。",
        Reason::UpstreamTokenRefused => return format!("上游{since}拒绝令牌。按 t 填入新的。"),
        Reason::UpstreamUnreachable => return format!("上游{since}没有响应。"),
        Reason::UpstreamDailyLimit => "上游每日限额已满，任务在等待。",
        Reason::UpstreamAccountLost => "以前的上游账号还有工作，但没有可用的令牌。按 t 为它填入。",
        Reason::DispatchPaused => return format!("调度{since}暂停。按 p 恢复。"),
        Reason::DispatchDraining => return format!("调度{since}收尾。按 p 恢复。"),
        Reason::DiskLow => "磁盘快满了。",
        Reason::StorageFull => "磁盘已满：不接受上传，任务在等待。",
        Reason::BackupMissing => "很久没有备份，或从未备份。",
        Reason::VerifyFailed => "最近一次核对发现数据不一致。",
        Reason::RestoredCopy => "这是恢复出来的副本，尚未允许运行。",
        Reason::UpstreamAddressWrong => {
            "上游对所有请求都回答 403、404 或 405。请检查 LIGHTX2V_BASE_URL。"
        }
        Reason::Unspecified => "",
    };
    if known.is_empty() {
        warning.message.clone()
    } else {
        known.to_owned()
    }
}
