//! Owns the Chinese words of the audit and of the keys for programs.

use vision_batch::v1::actor::Kind;
use vision_batch::v1::api_key::Scope;
use vision_batch::v1::audit_event::Outcome;

use crate::text::format::count;
use crate::text::records::RecordTexts;

pub(super) static RECORDS: RecordTexts = RecordTexts {
    audit: "审计",
    count_events: |number, more| {
        let more = if more { "+" } else { "" };
        format!("{}{more} 条记录", count(number))
    },
    only_newest: |number| format!("只查找了最新 {} 条", count(number)),
    no_events: "没有这样的记录。",
    col_what: "操作",
    col_outcome: "结果",
    col_from: "来源",
    outcome: |outcome| match outcome {
        Outcome::Unspecified => "",
        Outcome::Succeeded => "完成",
        Outcome::Refused => "被拒绝",
        Outcome::Failed => "失败",
    },
    action: |action| {
        Some(match action {
            "sign_in" => "登录",
            "access" => "访问",
            "refusals" => "多次被拒绝",
            "password.change" => "修改密码",
            "password.reset" => "重设密码",
            "user.create" => "新建用户",
            "user.update" => "修改用户",
            "user.rename" => "用户改名",
            "credits.adjust" => "增减点数",
            "credits.set" => "设定点数",
            "batch.create" => "新建批次",
            "batch.cancel" => "取消批次",
            "batch.delete" => "删除批次",
            "items.cancel" => "取消任务",
            "items.retry" => "重试任务",
            "key.create" => "新建密钥",
            "key.revoke" => "作废密钥",
            "dispatch.set" => "设置调度",
            "upstream_token.set" => "上游令牌",
            _ => return None,
        })
    },
    actor: |kind| match kind {
        Kind::System => "系统",
        Kind::Owner => "机主",
        Kind::Anonymous | Kind::User | Kind::Unspecified => "未知",
    },
    target_kind: |kind| {
        Some(match kind {
            "user" => "用户",
            "batch" => "批次",
            "item" => "任务",
            "key" => "密钥",
            "dispatch" => "调度",
            "upstream" => "上游",
            "system" => "服务器",
            _ => return None,
        })
    },
    only_by: |name| format!("经手：{name}"),
    only_about: |name| format!("对象：{name}"),
    only_kind: |action| format!("只看 {action}"),
    from_address: |address| format!("来自 {address}"),
    from_itself: "在服务器本机",

    api_keys: "API 密钥",
    api_keys_of: |name| format!("{name} 的 API 密钥"),
    no_keys_of: |name| format!("{name} 没有 API 密钥。"),
    count_keys: |number| format!("{} 个密钥", count(number)),
    no_keys: "还没有密钥。按 n 新建。",
    no_keys_here: "还没有密钥。",
    col_begins: "开头",
    col_may: "权限",
    col_made: "创建",
    col_used: "使用",
    col_ends: "到期",
    scope: |scope| match scope {
        Scope::Unspecified => "",
        Scope::Read => "只读",
        Scope::Submit => "提交",
        Scope::Admin => "管理",
    },
    in_span: |span| format!("{span} 后"),
    ended: "已到期",
    for_ever: "永不",
    about_keys: [
        "VBATCH_TOKEN=vbk_... vbatch ls  程序用密钥代替密码",
        "只读：查看和下载。提交：另可新建、取消、删除批次。",
        "管理：管理员能做的一切。密钥到期或按 x 作废后失效。",
    ],
};
