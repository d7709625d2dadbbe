//! Owns the Chinese words. Glossary: batch 批次, item 任务, credits 点数, slot 并发, preview 预览, upstream 上游, token 令牌.

use vision_batch::v1;
use vision_batch::v1::item_failure::Reason as Failure;
use vision_batch::v1::refusal::Reason;
use vision_batch::v1::wait::Reason as Wait;

use super::format::{bytes, count, play_time, span};
use super::{Clock, Texts};
use crate::files::Unusable;
use crate::keymap::{Action, Mode};
use crate::state::{Ask, Cause, Notice, PasswordProblem, Problem, Refusal, Warning};

pub(super) static TEXTS: Texts = Texts {
    sign_in: "登录",
    sign_in_again: "重新登录",
    slogan: "图片加一段语音，变成会说话的视频",
    server: "服务器",
    username: "用户名",
    password: "密码",
    signing_in: "正在登录 ...",
    resuming: "正在恢复会话 ...",
    session_ended: "会话已结束，画面和草稿都保留着。",
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
    offline_because: |why, at| format!("{why}画面停在 {at}。"),
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

    ask_title: |ask| match ask {
        Ask::Cancel {
            targets,
            pending,
            running,
            ..
        } => match targets.as_slice() {
            [target] if !target.name.is_empty() => format!("取消 {}？", target.name),
            _ => format!("取消 {} 个任务？", count(pending + running)),
        },
        Ask::Retry { count, targets, .. } => match targets.as_slice() {
            [target] if *count == 1 && !target.name.is_empty() => {
                format!("重试 {}？", target.name)
            }
            _ => format!("重试 {count} 个任务？"),
        },
        Ask::Quit { .. } => "退出？".to_owned(),
    },
    ask_lines,
    yes: "是",
    no: "否",
    notice: |notice| match notice {
        Notice::Refused(refusal) => refusal_words(refusal),
        Notice::CancelAsked(number) => format!("正在取消 {} 个任务。", count(*number)),
        Notice::Retried { count, credits } => match credits {
            0 => format!("重试 {count} 个任务，免费。"),
            _ => format!("重试 {count} 个任务，扣 {credits} 点。"),
        },
        Notice::Submitted(name) => format!("已提交 {name}。"),
        Notice::Saved(path) => format!("已保存 {}", path.display()),
        Notice::Saving(number) => format!("正在后台保存 {number} 个文件。"),
        Notice::Aborted(label) => format!("已中止 {label}。"),
        Notice::Copied(id) => format!("已复制 {id}"),
        Notice::NothingToCancel => "这里没有可取消的：已经结束。".to_owned(),
        Notice::NothingToRetry => "这里没有失败或已取消的任务可重试。".to_owned(),
        Notice::NothingToSave => "这里还没有完成的视频。".to_owned(),
        Notice::Command(command) => format!("请在您自己的电脑上运行：{command}"),
        Notice::ReadOnly => "此界面为只读。".to_owned(),
        Notice::PasswordChanged => "新密码已生效。".to_owned(),
    },
    refusal: refusal_words,
    action: |action| match action {
        Action::Up => "上移一行",
        Action::Down => "下移一行",
        Action::Top => "到第一行",
        Action::Bottom => "到最后一行",
        Action::PageUp => "上翻一页",
        Action::PageDown => "下翻一页",
        Action::Open => "打开光标所在项",
        Action::Back => "返回，或清除选择和筛选",
        Action::Quit => "退出",
        Action::Mark => "选中或取消选中",
        Action::MarkAll => "全选或全不选",
        Action::Filter => "边输入边筛选",
        Action::Glob => "按文件名匹配",
        Action::Help => "本帮助",
        Action::Palette => "按名称查找操作",
        Action::NewBatch => "新建批次",
        Action::Retry => "重试失败的任务",
        Action::RetryAll => "重试全部失败的任务",
        Action::Cancel => "取消",
        Action::CancelBatch => "取消整个批次",
        Action::Download => "保存视频",
        Action::Export => "将完成的视频存为 ZIP",
        Action::AbortTransfer => "中止最近的传输",
        Action::CopyId => "复制编号",
        Action::NextField => "下一项",
        Action::PreviousField => "上一项",
        Action::Submit => "提交",
        Action::ParentDirectory => "上级目录",
        Action::Accept => "是",
        Action::Decline => "否，离开",
        Action::SwitchAnswer => "另一个回答",
        Action::Language => "中文 / English",
        Action::Redraw => "重新绘制",
    },
    action_short: |action| match action {
        Action::Open => "打开",
        Action::Back => "返回",
        Action::Quit => "退出",
        Action::Mark => "选中",
        Action::MarkAll => "全选",
        Action::Filter => "筛选",
        Action::Glob => "匹配",
        Action::Help => "帮助",
        Action::Palette => "操作",
        Action::NewBatch => "新建",
        Action::Retry => "重试",
        Action::RetryAll => "重试全部",
        Action::Cancel => "取消",
        Action::CancelBatch => "全部取消",
        Action::Download => "保存",
        Action::Export => "存 ZIP",
        Action::AbortTransfer => "中止",
        Action::CopyId => "编号",
        Action::NextField => "下一项",
        Action::PreviousField => "上一项",
        Action::Submit => "提交",
        Action::ParentDirectory => "上级",
        Action::Accept => "保留",
        Action::Decline => "清除",
        Action::Language => "English",
        _ => "",
    },
    mode: |mode| match mode {
        Mode::Form => "登录",
        Mode::Batches => "批次列表",
        Mode::Batch => "批次",
        Mode::Fields => "新建批次：填写",
        Mode::FileList => "新建批次：选文件",
        Mode::Filter => "筛选",
        Mode::Confirm => "确认",
        Mode::Help => "帮助",
        Mode::Palette => "操作",
    },
    keys: "按键",
    palette_hint: "输入以查找操作",
    filter: "筛选",
    too_small: |width, height| format!("终端太小：至少需要 {width}x{height}。"),
};

fn failure(reason: Failure) -> &'static str {
    match reason {
        Failure::Unspecified => "原因不明",
        Failure::UpstreamBadInput => "输入不可用",
        Failure::WorkerLost => "工作进程丢失",
        Failure::UpstreamFailed => "引擎失败",
        Failure::UpstreamCancelled => "上游已取消",
        Failure::UpstreamAccountLost => "账号失效",
        Failure::TaskVanished => "任务消失",
        Failure::ItemDeadline => "超时",
        Failure::ResultInvalid => "视频无效",
        Failure::EngineFailed => "预览失败",
        Failure::SourceLost => "源文件丢失",
    }
}

fn advice(reason: Failure) -> &'static str {
    match reason {
        Failure::Unspecified => "请重试；若再次失败，请把上面的内容告诉管理员。",
        Failure::UpstreamBadInput => {
            "请将图片重新导出为 PNG 或 JPEG，放进新的批次提交；重试只会再发同一个文件。"
        }
        Failure::WorkerLost => "引擎多次丢失工作进程。文件没有问题，等引擎稳定后按 r 重试。",
        Failure::UpstreamFailed => "引擎放弃了它。可按 r 重试一次；若再次失败，请换图片或提示词。",
        Failure::UpstreamCancelled => "有人在引擎那边结束了任务，并非在这里。按 r 重新开始。",
        Failure::UpstreamAccountLost => "引擎账号太久没有可用的令牌。管理员填入新令牌后按 r 重试。",
        Failure::TaskVanished => "引擎不再认识这个任务。按 r 重新开始。",
        Failure::ItemDeadline => "引擎没有按时完成。请稍后按 r 重试，或换用较短的音频。",
        Failure::ResultInvalid => "引擎交付的视频无法播放。请按 r 重试；若再次发生，请告诉管理员。",
        Failure::EngineFailed => "预览无法绘制。请按 r 重试；若再次失败，请重新导出图片。",
        Failure::SourceLost => "保存的文件丢失或损坏。请在新的批次中重新提交，并告诉管理员。",
    }
}

fn warning(warning: &Warning, clock: &Clock) -> String {
    let wait = |waiting: i32| match waiting {
        0 => String::new(),
        _ => format!("{} 个任务在等待，不会丢失。", count(waiting)),
    };
    let since = |since: &Option<jiff::Timestamp>| {
        since.map_or(String::new(), |it| format!("自 {} 起", clock.at(it)))
    };
    match warning {
        Warning::TokenMissing { waiting } => format!("尚未设置上游令牌。{}", wait(*waiting)),
        Warning::TokenRefused { since: it, waiting } => {
            format!("上游{}拒绝令牌。{}", since(it), wait(*waiting))
        }
        Warning::TokenExpired { since: it, waiting } => {
            format!("上游令牌{}已过期。{}", since(it), wait(*waiting))
        }
        Warning::DailyLimit { until, waiting } => match until {
            Some(until) => format!(
                "上游每日限额已满，{} 继续。{}",
                clock.at(*until),
                wait(*waiting)
            ),
            None => format!("上游每日限额已满。{}", wait(*waiting)),
        },
        Warning::Unreachable { since: it } => {
            format!("上游{}没有响应。任务在等待，不会丢失。", since(it))
        }
        Warning::StorageFull { waiting } => format!("服务器磁盘已满。{}", wait(*waiting)),
        Warning::Paused { waiting } => format!("调度已暂停。{}", wait(*waiting)),
        Warning::Draining { waiting } => {
            format!(
                "调度正在收尾：进行中的会完成，不再开始新的。{}",
                wait(*waiting)
            )
        }
    }
}

fn ask_lines(ask: &Ask) -> Vec<String> {
    match ask {
        Ask::Cancel {
            pending,
            running,
            pending_credits,
            running_credits,
            owner,
            ..
        } => {
            let whose = owner
                .as_ref()
                .map_or(String::new(), |owner| format!("给 {owner}"));
            let mut lines = Vec::new();
            if *pending > 0 {
                lines.push(match pending_credits {
                    0 => format!("{} 个排队的任务：立即取消。", count(*pending)),
                    _ => format!(
                        "{} 个排队的任务：立即退还{whose} {} 点。",
                        count(*pending),
                        count(*pending_credits)
                    ),
                });
            }
            if *running > 0 {
                lines.push(match running_credits {
                    0 => format!("{} 个进行中的任务：引擎同意后取消。", count(*running)),
                    _ => format!(
                        "{} 个进行中的任务：引擎及时停下则退还{whose} {} 点；仍然完成的视频会保留并计费。",
                        count(*running),
                        count(*running_credits)
                    ),
                });
            }
            lines
        }
        Ask::Retry {
            credits,
            balance,
            owner,
            ..
        } => {
            let mut lines = vec![match (credits, owner) {
                (0, _) => "不扣点数。".to_owned(),
                (_, None) => format!("扣 {} 点。", count(*credits)),
                (_, Some(owner)) => format!("扣 {owner} {} 点。", count(*credits)),
            }];
            if let (Some(balance), true) = (balance, *credits > 0) {
                lines.push(format!(
                    "余额 {} -> {}。",
                    count(*balance),
                    count(balance - credits)
                ));
            }
            lines
        }
        Ask::Quit { transfers } => vec![format!("还有 {transfers} 个传输在进行，退出会中止它们。")],
    }
}

fn refusal_words(refusal: &Refusal) -> String {
    let file = refusal.fact("file");
    let limit = refusal.fact("limit");
    let in_bytes = |name: &str| {
        refusal
            .number(name)
            .map_or("?".to_owned(), |it| bytes(it.unsigned_abs()))
    };
    let known = match refusal.cause {
        Cause::Unreachable => "连不上服务器。地址对吗？服务器在运行吗？".to_owned(),
        Cause::TimedOut => "服务器没有及时响应。".to_owned(),
        Cause::Untrusted => "服务器的证书不受信任。".to_owned(),
        Cause::AddressInvalid => "这不是有效的服务器地址，请写成 主机:端口。".to_owned(),
        Cause::LocalFile => format!("{file}：{}", refusal.message),
        Cause::Unknown => String::new(),
        Cause::Server(reason) => match reason {
            Reason::CredentialsInvalid => "用户名或密码不对。".to_owned(),
            Reason::TokenMissing => "请登录。".to_owned(),
            Reason::TokenInvalid | Reason::TokenExpired => "会话已过期，请重新登录。".to_owned(),
            Reason::TokenRevoked => "会话已被结束，请重新登录。".to_owned(),
            Reason::AdminRequired => "只有管理员可以这样做。".to_owned(),
            Reason::KeyScopeInsufficient => "此 API 密钥无权这样做。".to_owned(),
            Reason::BatchNotFound => "没有这个批次（或已删除）。".to_owned(),
            Reason::ItemNotFound => "没有这个任务（或已删除）。".to_owned(),
            Reason::FileRemoved => "该文件已从服务器移除。".to_owned(),
            Reason::PasswordTooWeak if limit.is_empty() => "新密码太弱。".to_owned(),
            Reason::PasswordTooWeak => format!("新密码至少 {limit} 个字符，且不能与原来相同。"),
            Reason::UploadOutOfOrder | Reason::UploadIncomplete => {
                "上传中断。没有保存也没有扣点，请重新提交。".to_owned()
            }
            Reason::FileKindUnsupported => format!("{file} 的类型不受支持。"),
            Reason::FileCorrupt => format!("{file} 已损坏或不完整。"),
            Reason::FileTooLarge => format!("{file} 超过 {}。", in_bytes("limit")),
            Reason::ImageDimensionsExceeded => format!("{file} 的像素太多。"),
            Reason::ImageCountInvalid => format!("每个批次 1 到 {limit} 张图片。"),
            Reason::AudioCountInvalid => "每个批次恰好一个音频。".to_owned(),
            Reason::AudioDurationInvalid => format!("{file} 太长或太短。"),
            Reason::DigestMismatch => format!("{file} 在途中变了，请重新提交。"),
            Reason::PasswordChangeRequired => "请先设置新密码。".to_owned(),
            Reason::InsufficientCredits => {
                match (refusal.number("required"), refusal.number("available")) {
                    (Some(required), Some(available)) => format!(
                        "点数不足：需要 {}，现有 {}。没有扣点。",
                        count(required),
                        count(available)
                    ),
                    _ => "点数不足。没有扣点。".to_owned(),
                }
            }
            Reason::PriceChanged => match refusal.number("required") {
                Some(required) => format!(
                    "现在需要 {} 点。没有扣点，请核对后再提交。",
                    count(required)
                ),
                None => "价格已变。没有扣点，请核对后再提交。".to_owned(),
            },
            Reason::AlreadyFinished => "已经没有可取消的。".to_owned(),
            Reason::BatchNotFinished => "批次还没有结束。".to_owned(),
            Reason::NotRetryable => "这里没有可重试的。".to_owned(),
            Reason::VideoNotReady => "视频还没有完成。".to_owned(),
            Reason::NothingToExport => "还没有完成的视频。".to_owned(),
            Reason::EngineUnavailable => "服务器未配置该引擎，请换一个。".to_owned(),
            Reason::RequestIdReused => "同一请求曾以别的内容提交过，请再提交一次。".to_owned(),
            Reason::SignInThrottled | Reason::RateLimited => match refusal.retry_after {
                Some(wait) => format!(
                    "尝试太多，请等 {}。",
                    span(i64::try_from(wait.as_secs()).unwrap_or(i64::MAX).max(1))
                ),
                None => "尝试太多，请稍等。".to_owned(),
            },
            Reason::TooManyStreams => "您打开的界面太多了。".to_owned(),
            Reason::TooManyUploads => "您同时上传的太多了，请等一个结束。".to_owned(),
            Reason::StorageFull => "服务器磁盘已满，请告诉管理员。".to_owned(),
            Reason::UploadTooSlow => "上传停顿太久。没有扣点，请重新提交。".to_owned(),
            Reason::ShuttingDown => "服务器正在停止，请稍后再试。".to_owned(),
            Reason::BlobCorrupt => format!("{file} 在服务器上已损坏，请告诉管理员。"),
            Reason::Internal => format!(
                "服务器出错（事件 {}），请告诉管理员。",
                refusal.fact("incident_id")
            ),
            Reason::Unspecified
            | Reason::UserNotFound
            | Reason::KeyNotFound
            | Reason::FieldInvalid
            | Reason::PageTokenInvalid
            | Reason::UsernameTaken
            | Reason::LastAdmin
            | Reason::UpstreamTokenRejected
            | Reason::EtagMismatch
            | Reason::BalanceChanged
            | Reason::OffsetInvalid => String::new(),
        },
    };
    match (known.is_empty(), refusal.message.is_empty()) {
        (false, _) => known,
        (true, false) => refusal.message.clone(),
        (true, true) => "服务器拒绝了，未说明原因。".to_owned(),
    }
}
