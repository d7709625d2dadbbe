//! Owns the Chinese words. Glossary: batch 批次, item 任务, credits 点数, slot 并发, preview 预览, upstream 上游, token 令牌.

mod actions;
mod admin;
mod command_help;
mod commands;
mod failures;
mod help;
mod office;
mod questions;
mod records;
mod refusals;

use vision_batch::v1;
use vision_batch::v1::wait::Reason as Wait;

use self::actions::{action, action_short, mode, sort_by};
use self::failures::{advice, failure, warning};
use self::questions::{ask_lines, ask_title, notice};
use self::refusals::refusal_words;
use super::Texts;
use super::format::{bytes, count, play_time};
use crate::files::Unusable;
use crate::state::{PasswordProblem, Problem};

pub(super) static TEXTS: Texts = Texts {
    admin: &admin::ADMIN,
    records: &records::RECORDS,
    commands: &commands::COMMANDS,
    sign_in: "登录",
    sign_in_again: "重新登录",
    slogan: "图片加一段语音，变成会说话的视频",
    server: "服务器",
    username: "用户名",
    password: "密码",
    signing_in: "正在登录 ...",
    resuming: "正在恢复会话 ...",
    session_ended: "会话已结束，画面和草稿都保留着。",
    trust_question: |server, shown| {
        format!(
            "本机无法验证 {server}。它的 SHA-256 指纹（服务器启动时会打印）： {shown} 信任它吗？"
        )
    },
    session_resumed: "保存的会话恢复有效，按 Esc 继续。",
    new_password_title: "设置新密码",
    new_password_why: "当前是初始密码，请先设置自己的密码。",
    current_password: "当前密码",
    new_password: "新密码",
    new_password_again: "再输一遍",
    changing_password: "正在修改密码 ...",
    password_problem: |problem| match problem {
        PasswordProblem::Empty => "请填写每一项。".to_owned(),
        PasswordProblem::Different => "两次输入的新密码不一致。".to_owned(),
        PasswordProblem::Same => "新密码不能与当前密码相同。".to_owned(),
        PasswordProblem::Refused(refusal) => refusal_words(refusal),
    },

    credits: |number| format!("{} 点", count(number)),
    slots: |used, limit| format!("并发 {used}/{limit}"),
    live: "实时",
    connecting: "连接中",
    stale: |span| format!("{span} 无消息"),
    offline: |since, retry| match retry {
        Some(retry) => format!("离线 {since}，{retry} 后重试"),
        None => format!("离线 {since}"),
    },
    offline_because: |why, at| format!("画面停在 {at}。{why}"),
    read_only: "只读",

    batches: "批次",
    count_all: |number| format!("全部 {}", count(number)),
    count_active: |number| format!("进行中 {}", count(number)),
    count_failures: |number| format!("有失败 {}", count(number)),
    count_attention: |number| format!("待处理 {}", count(number)),
    count_marked: |number| format!("已选 {number}"),
    count_shown: |shown, total| format!("显示 {}/{}", count(shown), count(total)),
    col_name: "名称",
    col_owner: "所有者",
    col_state: "状态",
    col_progress: "进度",
    col_done: "完成",
    col_failed: "失败",
    col_eta: "预计",
    col_age: "已过",
    col_engine: "引擎",
    col_credits: "点数",
    preview_mark: "预览",
    loading: "加载中 ...",
    no_batches: "还没有批次。按 n 新建第一个。",
    no_batches_here: "还没有批次。",
    nothing_matches: "没有符合筛选的内容。按 Esc 显示全部。",
    images_by_audio: |images, time| format!("{} 张图片 x {time}", count(images)),
    charged: |charged, refunded| match (charged, refunded) {
        (0, _) => "免费".to_owned(),
        (_, 0) => format!("已扣 {} 点", count(charged)),
        _ => format!("已扣 {} 点，退还 {} 点", count(charged), count(refunded)),
    },
    waits_for: |what| format!("等待{what}"),
    wait: |reason| match reason {
        Wait::Unspecified => "等待",
        Wait::Slot => "等待并发",
        Wait::Turn => "等待轮到",
        Wait::Paused => "已暂停",
        Wait::BackOff => "稍后重试",
        Wait::UpstreamToken => "等待令牌",
        Wait::UpstreamDailyLimit => "当日限额已满",
        Wait::UpstreamBusy => "上游繁忙",
        Wait::Cleanup => "等旧任务结束",
        Wait::StorageFull => "磁盘已满",
    },
    wait_long: |reason| match reason {
        Wait::Unspecified => "",
        Wait::Slot => "空闲的并发",
        Wait::Turn => "轮到它",
        Wait::Paused => "管理员恢复调度",
        Wait::BackOff => "失败后的间歇",
        Wait::UpstreamToken => "管理员填入可用的上游令牌",
        Wait::UpstreamDailyLimit => "上游的每日限额",
        Wait::UpstreamBusy => "上游恢复（繁忙或无响应）",
        Wait::Cleanup => "它的旧任务在上游结束",
        Wait::StorageFull => "管理员腾出服务器磁盘空间",
    },
    again_in: |span| format!("{span} 后重试"),
    last_ended: |file, how, ago| format!("最近：{file} {how}，{ago} 前"),
    prompt_is: |prompt| format!("提示词：{prompt}"),
    warning,

    batch_state: |state| match state {
        v1::batch::State::Unspecified => "未知",
        v1::batch::State::Created => "已创建",
        v1::batch::State::Processing => "处理中",
        v1::batch::State::Completed => "已完成",
        v1::batch::State::Failed => "失败",
        v1::batch::State::Cancelled => "已取消",
    },
    partial: "部分完成",
    n_failed: |number| format!("{} 个失败", count(number)),
    done_in: |span, at| format!("约 {span} 后完成（{at}）"),
    took: |span| format!("用时 {span}"),
    no_estimate: "暂无预计",
    col_image: "源图片",
    col_stage: "阶段",
    col_clock: "用时",
    col_try: "次数",
    col_size: "大小",
    pending: "排队",
    item_completed: "完成",
    item_cancelled: "已取消",
    stage: |stage| match stage {
        v1::video_item::Stage::Unspecified => "处理中",
        v1::video_item::Stage::Submitting => "提交中",
        v1::video_item::Stage::UpstreamQueued => "上游排队",
        v1::video_item::Stage::Generating => "生成中",
        v1::video_item::Stage::Fetching => "取回中",
        v1::video_item::Stage::Cancelling => "取消中",
    },
    failed_because: |reason| format!("失败：{}", failure(reason)),
    queue_position: |position| format!("上游排队 第 {position}"),
    about: |span| format!("约 {span}"),
    asked: "已请求 ...",
    video_removed: "视频已移除",

    item: |number| format!("任务 {number}"),
    task: "上游任务",
    seed: "种子",
    video: "视频",
    attempt: |number| format!("第 {number} 次"),
    outcome: |outcome| match outcome {
        v1::attempt::Outcome::Unspecified => "",
        v1::attempt::Outcome::Running => "进行中",
        v1::attempt::Outcome::Completed => "视频已生成",
        v1::attempt::Outcome::Failed => "失败",
        v1::attempt::Outcome::TriedAgain => "已再次尝试",
        v1::attempt::Outcome::Cancelled => "已取消",
    },
    unresolved: "尚无答复",
    unresolved_what: "上游没有答复。会先在它的任务列表里查找，不会重复付费。",
    cancelling_what: "上游同意后即结束；2 分钟没有答复也会取消。若视频已经完成，则予以保留。",
    failure,
    upstream_said: |words| format!("上游返回：「{words}」"),
    what_to_do: "怎么办",
    advice,
    given_back: |number| format!("已退还 {} 点。", count(number)),
    no_attempts: "尚未开始。",
    no_item: "光标处没有任务。",

    new_batch: "新建批次",
    name: "名称",
    engine: "引擎",
    audio: "音频",
    prompt: "提示词",
    name_hint: "留空则用音频的文件名",
    audio_hint: "音频路径，或在下面的音频文件上按 Enter",
    engine_name: |name| match name {
        "preview" => "预览".to_owned(),
        "lightx2v" => "LightX2V".to_owned(),
        other => other.to_owned(),
    },
    engine_health: |health| match health {
        v1::engine_info::Health::Unspecified | v1::engine_info::Health::Ok => "",
        v1::engine_info::Health::Degraded => "较慢",
        v1::engine_info::Health::Unreachable => "无响应",
        v1::engine_info::Health::TokenNeeded => "缺少令牌，任务会等待",
        v1::engine_info::Health::Unavailable => "未配置",
    },
    price: |price, seconds| match (price, seconds) {
        (0, _) => "免费".to_owned(),
        (_, None) => format!("每个视频 {price} 点"),
        (_, Some(seconds)) => format!("每个视频每 {seconds} 秒 {price} 点"),
    },
    checking: "检查中 ...",
    unusable: |unusable| match unusable {
        Unusable::Kind => "不是 PNG/JPEG/WebP".to_owned(),
        Unusable::Corrupt(_) => "已损坏或不完整".to_owned(),
        Unusable::TooLarge {
            found_bytes,
            limit_bytes,
        } => format!("{} > {}", bytes(*found_bytes), bytes(*limit_bytes)),
        Unusable::TooManyPixels {
            width_px,
            height_px,
            limit_pixels,
        } => format!("{width_px}x{height_px} > {} MP", limit_pixels / 1_000_000),
        Unusable::Duration {
            found,
            minimum,
            maximum,
        } => {
            if found > maximum {
                format!("时长 {}，最长 {}", play_time(*found), play_time(*maximum))
            } else {
                format!("时长 {}，最短 {}", play_time(*found), play_time(*minimum))
            }
        }
        Unusable::Unreadable(words) => format!("无法读取：{words}"),
    },
    pattern: "匹配",
    use_as_audio: "按 Enter 用作音频",
    empty_directory: "这里没有文件。按退格键返回上级。",
    cannot_list: |words| format!("无法读取目录：{words}"),
    marked_images: |number, size| match number {
        0 => "未选图片".to_owned(),
        _ => format!("已选 {number} 张图片，{size}"),
    },
    n_checking: |number| format!("{number} 个检查中"),
    cost: "费用",
    balance: "余额",
    finish: "完成",
    free: "免费",
    cost_of: |images, each, all| {
        format!(
            "{} 张 x {} 点 = {} 点",
            count(images),
            count(each),
            count(all)
        )
    },
    finish_about: |at, span| format!("约 {at}（{span}）"),
    slots_are: |slots| format!("并发 {slots}"),
    ahead: |number| match number {
        0 => "前面没有任务".to_owned(),
        _ => format!("前面有 {} 个任务", count(number)),
    },
    tasks_left: |number| format!("今日还可提交 {} 个", count(number)),
    quote_needs: "选好音频和图片后显示",
    quoting: "正在询价 ...",
    left_out: |number| format!("{number} 个已选文件不可用（见列表），提交时会略去。"),
    not_enough: "点数不足",
    problem: |problem| match problem {
        Problem::NoAudio => "请先选择音频文件。".to_owned(),
        Problem::AudioUnusable => "该音频不可用，请另选一个。".to_owned(),
        Problem::NoImages => "请至少选一张可用的图片：空格选一张，* 全选。".to_owned(),
        Problem::NoPrice => "价格还未查到，请稍候再试。".to_owned(),
        Problem::Checking => "还有文件在检查，请稍后再试。".to_owned(),
        Problem::TooManyImages { count, limit } => {
            format!("已选 {count} 张图片，每个批次最多 {limit} 张。")
        }
        Problem::Unaffordable {
            required,
            available,
        } => format!(
            "需要 {} 点，您有 {} 点。请少选几张，或请管理员充值。",
            count(*required),
            count(*available)
        ),
        Problem::NameTooLong { limit } => format!("名称超过 {limit} 个字符。"),
        Problem::PromptTooLong { limit } => format!("提示词超过 {limit} 个字符。"),
        Problem::Refused(refusal) => refusal_words(refusal),
    },
    uploading: "上传中",
    upload_goes_on: "按 Esc 转到后台继续，在列表中按 x 中止。",

    ask_title,
    ask_lines,
    yes: "是",
    no: "否",
    notice,
    refusal: refusal_words,
    action,
    action_short,
    mode,
    keys: "按键",
    palette_hint: "输入以查找操作",
    filter: "筛选",
    type_number: |number| format!("输入 {number} 以继续："),
    sort: "排序",
    sort_by,
    sort_hint: "Enter 选择，再选一次则反向",
    fetching: |there, all| format!("加载中 ... {}/{}", count(there), count(all)),
    transfers: "传输",
    no_transfers: "没有正在上传或保存的文件。",
    transfer_waits: "等待轮到",
    left: |span| format!("还剩 {span}"),
    batch_ended: |name, done, failed| match failed {
        0 => format!("{name}：完成 {} 个", count(done)),
        _ => format!("{name}：完成 {} 个，失败 {} 个", count(done), count(failed)),
    },
    too_small: |width, height| format!("终端太小：至少需要 {width}x{height}。"),
};
