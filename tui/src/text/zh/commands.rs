//! Owns the Chinese words of the commands.

use vision_batch::v1;

use super::TEXTS;
use super::command_help::{AFTER_HELP, HEADINGS, usage_problem};
use super::help::HELP;
use super::office::OFFICE;
use crate::cli::args::values::ValueFlaw;
use crate::cli::words::short;
use crate::text::commands::{CommandTexts, ElsewhereTexts, InfoWords, NameProblem, UploadWords};

pub(super) static COMMANDS: CommandTexts = CommandTexts {
    office: &OFFICE,
    usage: Some(usage_problem),
    value_flaw: |flaw| {
        match flaw {
            ValueFlaw::Credits => "+N 为增加，-N 为扣减，=N 为设定",
            ValueFlaw::Label => "标签写作 键=值",
            ValueFlaw::Uuid => "需要 UUID，可用 uuidgen 生成",
            ValueFlaw::Duration => "时间写作 90s、10m、1h30m 或 7d",
        }
        .to_owned()
    },
    help_headings: HEADINGS,
    help: Some(&HELP),
    after_help: Some(AFTER_HELP),
    see_help: "详细说明见 --help。",
    comma: "，",

    stdin_lacks: |what| format!("标准输入中缺少：{what}"),
    cannot_ask: |what| format!("需要{what}，但此处无法询问；如何从标准输入提供，见 --help"),
    needs_yes: "此操作需要确认，但此处无法询问；加 --yes 可免确认",
    token: "令牌",
    token_is_seen: "命令行中的令牌会被本机所有人看到；请改用 VBATCH_TOKEN，或用 --token - 从标准输入提供",
    yes: &["y", "yes", "是"],
    elsewhere: ElsewhereTexts {
        signed_in: "SSH 已为您登录；要换用户，请以该用户重新连接",
        no_pictures: "不能读取服务器上的文件；请发送您自己的：tar c 图片 音频 | ssh 主机 submit --tar -",
        no_file: "不能读取服务器上的文件；请经标准输入发送，并以 - 表示",
        no_audio: "不能读取服务器上的文件；请直接给出时长：--duration 48s",
        no_directory: "不能在服务器上写入；不加此选项即输出到标准输出：ssh 主机 download 批次 任务 > 文件",
        no_archive: |why| format!("这不是 tar 归档，或不完整：{why}"),
        too_large: "归档的内容超过一个批次的上限",
        one_audio: "归档中必须恰有一个音频：WAV、MP3、M4A/AAC、FLAC 或 OGG",
        no_picture_in_archive: "归档中没有图片：PNG、JPEG 或 WebP",
        left_out: |names| format!("未采用（既非图片也非音频）：{names}"),
    },
    one_stdin: "标准输入只能用于一处",
    interrupted: "已中断。",

    username: "用户名",
    password: "密码",
    old_password: "旧密码",
    new_password: "新密码",
    new_password_again: "再输一遍新密码",
    passwords_differ: "两次输入的新密码不一致",
    password_due: "请先修改这个密码。",
    password_due_hint: "请先修改密码：vbatch passwd",
    signed_in: |name, server| format!("{name} 已登录 {server}。"),
    signed_out: |server, was_there| match was_there {
        true => format!("已忘记 {server} 的会话。"),
        false => format!("没有 {server} 的会话。"),
    },
    profile: |user| {
        let role = match user.role() {
            v1::user::Role::Admin => "，管理员",
            _ => "",
        };
        format!(
            "{}{role}  {} 点，占用 {} 点  {} 个视频",
            user.username, user.credit_balance, user.credits_held, user.completed_video_count
        )
    },
    password_changed: "密码已修改，其他会话都已结束。",

    upload_interrupted: |request_id| {
        format!(
            "已中断。若批次已经建成，用以下命令可以看到它，不会重复扣点：\n  同一命令加上 --request-id {request_id}"
        )
    },
    upload: |step| match step {
        UploadWords::Reading(file, files) => format!("读取第 {file}/{files} 个文件"),
        UploadWords::Sending(file, files) => format!("上传第 {file}/{files} 个文件"),
        UploadWords::Checking => "服务器正在检查文件".to_owned(),
        UploadWords::Waiting => "等待".to_owned(),
    },
    upload_again: "连接中断，正以同一请求号重新上传。",
    begun: |batch, balance, replayed| {
        let made = match replayed {
            true => "早已建成",
            false => "已创建",
        };
        format!(
            "批次 {} {made}：{} 个任务，引擎 {}，扣 {} 点，余 {balance} 点。跟踪：vbatch watch {}",
            short(&batch.id),
            batch.item_counts.map_or(0, |counts| counts.total),
            (TEXTS.engine_name)(&batch.engine),
            batch.credits_charged,
            short(&batch.id),
        )
    },
    duration_needed: "需要 --audio 或 --duration",
    quote: |images, quote| {
        format!(
            "{images} x {} = {} 点，引擎 {}，余额 {} -> {}",
            quote.credits_per_item,
            quote.credits,
            (TEXTS.engine_name)(&quote.engine),
            quote.balance_before,
            quote.balance_after
        )
    },
    quote_finish: |at, quote| {
        format!(
            "约 {at} 完成：并发 {}，前面有 {} 个任务",
            quote.slot_limit, quote.items_ahead
        )
    },
    tasks_left: |number| format!("24 h 内还可提交 {number} 个上游任务"),
    not_affordable: "点数不足。",
    no_pictures: "标准输入中没有图片路径",

    detached: |command| format!("已退出跟踪，批次在服务器上继续。再次查看：{command}"),
    connected_again: "已重新连接。",
    connection_lost: "连接中断",
    goes_on: |why| format!("{why}；批次仍在继续，正在重试。"),
    not_finished: |batch| format!("批次 {batch} 尚未完成，仍在继续。"),
    summary: |counts| {
        let mut text = format!("完成 {}/{}", counts.completed, counts.total);
        if counts.failed > 0 {
            text += &format!("，失败 {}", counts.failed);
        }
        if counts.cancelled > 0 {
            text += &format!("，取消 {}", counts.cancelled);
        }
        text
    },
    done_in: |span| format!("约 {span} 后完成"),
    outcome: |batch| {
        let counts = batch.item_counts.unwrap_or_default();
        let refunded = match batch.credits_refunded {
            0 => String::new(),
            refunded => format!("，退还 {refunded} 点"),
        };
        format!(
            "批次 {} {}：完成 {}/{}，失败 {}，取消 {}{refunded}。",
            short(&batch.id),
            (TEXTS.batch_state)(batch.state()),
            counts.completed,
            counts.total,
            counts.failed,
            counts.cancelled
        )
    },
    cancelled: |batch, count| {
        format!("批次 {batch}：{count} 个任务已取消或正在取消，结束时退还点数。")
    },
    retried: |batch, answer| {
        format!(
            "批次 {batch}：重试 {} 个任务，扣 {} 点，余 {} 点。",
            answer.item_count, answer.credits_charged, answer.credit_balance
        )
    },
    ask_delete: |batch| {
        let counts = batch.item_counts.unwrap_or_default();
        format!(
            "彻底删除批次 {} {}（{} 个任务，{} 个视频）？",
            short(&batch.id),
            batch.name,
            counts.total,
            counts.completed
        )
    },
    not_deleted: "没有删除。",
    deleted: |batch, size| format!("批次 {batch} 已删除，腾出 {size}。"),

    cols_batches: [
        "ID",
        "名称",
        "所有者",
        "引擎",
        "状态",
        "进度",
        "完成",
        "失败",
        "点数",
        "已过",
    ],
    cols_items: ["#", "ID", "源图片", "状态", "次数", "点数"],
    cols_attempts: [
        "次",
        "轮",
        "结果",
        "开始",
        "结束",
        "种子",
        "上游任务",
        "原因",
    ],
    cols_engines: ["引擎", "健康", "价格", "并发", "正在结束", "非本服务"],
    more: "还有更多，--all 列出全部。",
    many_items: |name| format!("{name} 指的不止一个任务"),
    batch_counts: |share, counts| {
        format!(
            "{share}  完成 {}/{}，失败 {}，取消 {}",
            counts.completed, counts.total, counts.failed, counts.cancelled
        )
    },
    batch_credits: |batch| {
        format!(
            "引擎 {}  扣 {} 点，退还 {} 点，每个任务 {} 点  所有者 {}",
            (TEXTS.engine_name)(&batch.engine),
            batch.credits_charged,
            batch.credits_refunded,
            batch.credits_per_item,
            batch.owner_name
        )
    },
    audio: |name, time, size| format!("音频    {name}  {time}  {size}"),
    prompt: |text| format!("提示词  {text}"),
    negative_prompt: |text| format!("反向    {text}"),
    labels: |text| format!("标签    {text}"),
    created: |at| format!("创建 {at}"),
    started: |at| format!("开始 {at}"),
    finished: |at| format!("完成 {at}"),
    expected: |at| format!("预计 {at}"),
    upstream_said: |words| format!("上游返回：{words}"),
    submit_unanswered: "提交没有得到答复",

    engine: |name| (TEXTS.engine_name)(name),
    batch_state: |state| (TEXTS.batch_state)(state),
    outcome_of: |outcome| (TEXTS.outcome)(outcome),
    pending: "排队",
    stage: |stage| (TEXTS.stage)(stage),
    queue_position: |position| (TEXTS.queue_position)(position),
    generating: |share| format!("生成中 约 {share}"),
    fetching: |fetched, total| format!("取回中 {fetched}/{total}"),
    completed: |size| match size {
        "" => "完成".to_owned(),
        size => format!("完成，{size}"),
    },
    file_removed: "完成，视频已移除",
    failed: "失败",
    failed_for: |why| format!("失败：{why}"),
    item_cancelled: "已取消",
    unknown: "未知",
    failure: |reason, message| {
        let reason = (TEXTS.failure)(reason);
        match message {
            "" => reason.to_owned(),
            message => format!("{reason}（{message}）"),
        }
    },
    waits: |reason, span| {
        let about = span.map_or(String::new(), |span| format!("，约 {span}"));
        format!("等待{}{about}", (TEXTS.wait_long)(reason))
    },
    items_wait: |count, reason| format!("{count} 个任务等待{}", (TEXTS.wait_long)(reason)),

    no_video_yet: |batch| format!("批次 {batch} 还没有完成的视频；跟踪：vbatch watch {batch}"),
    one_to_stdout: "标准输出只能接收一个文件；请指定一个任务，或用 vbatch export -o -",
    resumable: "已中断；同一命令会从中断处继续。",
    there_already: |path| format!("{path} 已存在。"),
    another_file: "已有同名的其他文件；--overwrite 可替换",
    export: "导出",
    videos_saved: |count| format!("已保存 {count} 个视频。"),
    stdout_is_terminal: "标准输出是终端；请重定向到文件或程序",
    local_file: |doing, path, said| {
        let doing = match doing {
            "read" => "读取",
            "write" => "写入",
            "remove" => "删除",
            "rename" => "改名",
            other => other,
        };
        format!("无法{doing} {path}：{said}")
    },
    file_changed: |path| format!("{path} 在读取时变了；请在它写完后再试"),
    file_differs: |file, actual, expected| {
        format!("{file}：收到的内容与服务器所说不符（SHA-256 {actual}，应为 {expected}）")
    },
    sessions_malformed: |path, said| format!("{path}：不是会话文件（{said}）；请删除它并重新登录"),

    info: |info: &InfoWords| {
        [
            format!(
                "vbatchd {}，{}，调度{}",
                info.version,
                info.address,
                (TEXTS.admin.dispatch_state)(info.dispatch)
            ),
            format!(
                "图片最大 {}、{} 百万像素，每批最多 {} 张；音频最大 {}、最长 {}",
                info.image_size, info.megapixels, info.images, info.audio_size, info.audio_time
            ),
        ]
    },
    price: |engine| match (engine.credits_per_item, engine.seconds_per_credit) {
        (0, _) => "免费".to_owned(),
        (credits, Some(seconds)) => format!("每个每 {seconds} 秒 {credits} 点"),
        (credits, None) => format!("每个 {credits} 点"),
    },
    is_default: "（默认）",
    health: |health| (TEXTS.admin.health)(health),
    upstream: |upstream, times| {
        let mut line = format!(
            "上游{}  令牌{}",
            (TEXTS.admin.health)(upstream.health()),
            (TEXTS.admin.token_state)(upstream.token_state())
        );
        if let Some(ends) = &times.token_ends {
            line += &format!("，有效期至 {ends}");
        }
        if upstream.daily_limit > 0 {
            line += &format!(
                "  24 h 内 {}/{} 个任务",
                upstream.daily_used, upstream.daily_limit
            );
        }
        if let Some(free) = &times.next_free {
            line += &format!("，{free} 可继续");
        }
        line
    },

    name_problem: |problem| match problem {
        NameProblem::NotABatch(text, fewest) => {
            format!("{text}：批次用其 ID 或至少末 {fewest} 位表示")
        }
        NameProblem::NoBatch(text) => format!("没有 ID 以 {text} 结尾的批次"),
        NameProblem::ManyBatches(text, list) => {
            format!("不止一个 ID 以 {text} 结尾，请多给几位：{list}")
        }
        NameProblem::NoItem(name) => format!("批次中没有任务 {name}"),
        NameProblem::NotAnItem(name, fewest) => {
            format!("{name}：任务用其序号、序号范围、ID 或 ID 的至少末 {fewest} 位表示")
        }
        NameProblem::ManyItems(name, list) => format!("{name} 指的不止一个任务：{list}"),
        NameProblem::NoUser(name) => format!("没有用户 {name}"),
        NameProblem::NoKey(name) => format!("没有密钥 {name}"),
        NameProblem::ManySshKeys(name) => {
            format!("{name} 指的不止一个密钥；vbatch ssh-keys ls 列出它们的 ID")
        }
        NameProblem::ManyKeys(name) => {
            format!("{name} 指的不止一个密钥；vbatch keys ls 列出它们的 ID")
        }
    },
    unreachable: |server, why| format!("{server}：{why}"),
    sign_in_first: "请先登录：vbatch login",
    set_password_first: "请先设置新密码：vbatch passwd",
    try_again_in: |span| format!("请在 {span} 后重试。"),
};
