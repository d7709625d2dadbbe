//! Owns the Chinese words of the commands of admins, and of those about keys.

use vision_batch::v1::warning::Reason;

use super::TEXTS;
use super::records::RECORDS;
use crate::cli::csv::{CsvFlaw, CsvProblem};
use crate::text::office::OfficeTexts;

pub(super) static OFFICE: OfficeTexts = OfficeTexts {
    cols_users: [
        "ID",
        "用户名",
        "姓名",
        "角色",
        "状态",
        "点数",
        "占用",
        "视频",
        "最近登录",
    ],
    cols_ledger: ["时间", "用户", "类别", "点数", "余额", "经手", "关于"],
    cols_audit: ["时间", "经手", "操作", "对象", "结果", "来源", "详情"],
    cols_keys: ["ID", "名称", "开头", "权限", "创建", "使用", "到期"],
    cols_ssh_keys: ["ID", "名称", "类型", "指纹", "添加", "使用"],

    role: |role| (TEXTS.admin.role)(role),
    standing: |disabled, first_password| match (disabled, first_password) {
        (true, _) => "已停用",
        (false, true) => "初始密码",
        (false, false) => "正常",
    },
    online: "在线",
    never: "从未",
    user_made: |user| format!("已建用户 {}，{} 点。", user.username, user.credit_balance),
    user_changed: |user| {
        let standing = match user.disabled {
            true => "不能登录",
            false => "可以登录",
        };
        format!(
            "{} 现为{}，{standing}。",
            user.username,
            (TEXTS.admin.role)(user.role())
        )
    },
    first_password: "初始密码",
    one_time_password: |until| format!("一次性密码，只显示这一次，有效期至 {until}："),
    password_reset: |name| format!("{name} 已在各处退出登录。"),
    ledger_kind: |kind| (TEXTS.admin.kind)(kind),

    csv_problem: |problem: &CsvProblem| {
        let what = match &problem.flaw {
            CsvFlaw::Empty => "缺少写有列名的一行".to_owned(),
            CsvFlaw::OpenQuote => "引号没有闭合".to_owned(),
            CsvFlaw::QuoteWithin => "闭合的引号后面还有文字；引号内的引号要写两个".to_owned(),
            CsvFlaw::UnknownColumn(name) => format!(
                "没有名为 {name} 的列；可用：username、display_name、role、credits、language、password"
            ),
            CsvFlaw::ColumnTwice(name) => format!("列 {name} 重复"),
            CsvFlaw::NoUsername => "缺少 username 列".to_owned(),
            CsvFlaw::Cells { found, wanted } => format!("有 {found} 格，应为 {wanted} 格"),
            CsvFlaw::UsernameInvalid(name) if name.is_empty() => "用户名为空".to_owned(),
            CsvFlaw::UsernameInvalid(name) => {
                format!("{name}：用户名为 1 到 64 个字母、数字或 . _ - @")
            }
            CsvFlaw::UsernameTwice(name, line) => format!("{name} 已在第 {line} 行出现"),
            CsvFlaw::RoleInvalid(text) => format!("{text}：角色为 user 或 admin"),
            CsvFlaw::CreditsInvalid(text) => format!("{text}：点数为 0 到 1000000000 的整数"),
            CsvFlaw::LanguageInvalid(text) => format!("{text}：语言为 en 或 zh"),
            CsvFlaw::NameTooLong => "姓名最多 200 个字符".to_owned(),
            CsvFlaw::PasswordTooShort(least) => format!("密码至少 {least} 个字符"),
        };
        match &problem.column {
            Some(column) => format!("第 {} 行 {column} 列：{what}", problem.line),
            None => format!("第 {} 行：{what}", problem.line),
        }
    },
    csv_wrong: |count| format!("文件中有 {count} 处错误，没有新建任何用户"),
    csv_and_more: |count| format!("…… 还有 {count} 处"),
    csv_right: |new, there| format!("文件无误：将新建 {new} 个，已存在 {there} 个。"),
    exists: |line, name| format!("第 {line} 行：{name} 已存在，保持不变"),
    broke_off: |line, name, made| {
        format!(
            "第 {line} 行：不能确定 {name} 已建成；此前已建 {made} 个。再次运行同一命令即从此处继续；若届时 {name} 已存在，用 vbatch admin reset-password {name} 取得密码。"
        )
    },
    users_made: |made, there| format!("新建 {made} 个，已存在 {there} 个。"),

    outcome: |outcome| (RECORDS.outcome)(outcome),
    actor: |kind| (RECORDS.actor)(kind),
    target_kind: |kind| (RECORDS.target_kind)(kind).map_or_else(|| kind.to_owned(), str::to_owned),

    running: |version, up, dispatch| {
        format!(
            "vbatchd {version}  已运行 {up}  调度{}，并发 {}",
            (TEXTS.admin.dispatch_state)(dispatch.state()),
            dispatch.concurrency
        )
    },
    dispatch: |dispatch| {
        format!(
            "调度{}，并发 {}",
            (TEXTS.admin.dispatch_state)(dispatch.state()),
            dispatch.concurrency
        )
    },
    oldest_since: |span| format!("最久的已等 {span}"),
    storage: |[images, audios, videos, database, free, total]| {
        format!(
            "图片 {images}  音频 {audios}  视频 {videos}  数据库 {database}  磁盘剩余 {free}，共 {total}"
        )
    },
    sessions: |sessions, streams| (TEXTS.admin.sessions)(sessions, streams),
    recent_error: |error| {
        format!(
            "1 h 内：{} x {}",
            error.count,
            (TEXTS.admin.error_class)(error.class())
        )
    },
    status_line: |status| {
        let dispatch = status.dispatch.clone().unwrap_or_default();
        let slots = status.slots.unwrap_or_default();
        let waiting: i32 = status.waiting.iter().map(|waiting| waiting.count).sum();
        let mut line = format!(
            "{}  并发 {}/{}  等待 {waiting}",
            (TEXTS.admin.dispatch_state)(dispatch.state()),
            slots.running + slots.cleanup,
            slots.limit,
        );
        if let Some(upstream) = &status.upstream {
            line += &format!(
                "  上游{}，令牌{}",
                (TEXTS.admin.health)(upstream.health()),
                (TEXTS.admin.token_state)(upstream.token_state())
            );
        }
        line
    },
    warning: |warning| match warning_words(warning.reason()) {
        "" => format!("! {}", warning.message),
        words => format!("! {words}"),
    },
    upstream_token: "上游令牌",
    token_set: |state, account, ends| {
        let ends = ends.map_or(String::new(), |ends| format!("，有效期至 {ends}"));
        format!(
            "账号 {account} 的令牌{}{ends}",
            (TEXTS.admin.token_state)(state)
        )
    },
    old_account: |account, work| {
        format!(
            "旧账号 {account} 暂时保留：{}。",
            (TEXTS.admin.account_work)(work)
        )
    },

    scopes: |scopes| {
        let words: Vec<&str> = scopes.iter().map(|scope| (RECORDS.scope)(*scope)).collect();
        words.join("、")
    },
    for_ever: "永不",
    key_made: |name, until| {
        let until = until.map_or(String::new(), |until| format!("有效期至 {until}。"));
        format!("已建密钥 {name}。{until}其内容只显示这一次；程序用 VBATCH_TOKEN 提供：")
    },
    key_revoked: |name| format!("密钥 {name} 已作废。"),
    ssh_key_added: |name, fingerprint| format!("密钥 {name} 现可通过 SSH 登录：{fingerprint}"),
    ssh_key_removed: |name| format!("密钥 {name} 不能再登录。"),
    private_key: "这是私钥，不应交给任何人；请改用以 .pub 结尾的文件",
};

/// Without the keys of the screen.
const fn warning_words(reason: Reason) -> &'static str {
    match reason {
        Reason::Unspecified => "",
        Reason::DefaultPassword => "管理员仍在用初始密码，请修改：vbatch passwd",
        Reason::NoTls => "服务器对外监听但没有 TLS。",
        Reason::UpstreamTokenNotSet => "没有上游令牌，请填入：vbatch admin token",
        Reason::UpstreamTokenExpiring => "上游令牌即将到期，请填入新的：vbatch admin token",
        Reason::UpstreamTokenExpired => "上游令牌已过期，请填入新的：vbatch admin token",
        Reason::UpstreamTokenRefused => "上游拒绝令牌，请填入新的：vbatch admin token",
        Reason::UpstreamUnreachable => "上游没有响应。",
        Reason::UpstreamAddressWrong => "上游地址处没有此接口：请检查 LIGHTX2V_BASE_URL。",
        Reason::UpstreamDailyLimit => "上游每日限额已满，任务在等待。",
        Reason::UpstreamAccountLost => "以前的上游账号还有工作，但没有可用的令牌。",
        Reason::DispatchPaused => "调度已暂停，恢复：vbatch admin resume",
        Reason::DispatchDraining => "调度正在收尾，恢复：vbatch admin resume",
        Reason::DiskLow => "磁盘快满了。",
        Reason::StorageFull => "磁盘已满：不接受上传，任务在等待。",
        Reason::BackupMissing => "很久没有备份，或从未备份。",
        Reason::VerifyFailed => "最近一次核对发现数据不一致。",
        Reason::RestoredCopy => "这是恢复出来的副本，尚未允许运行。",
    }
}
