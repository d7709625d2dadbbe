//! Owns the Chinese words for what holds items up, why they failed, and what to do.

use vision_batch::v1::item_failure::Reason as Failure;

use crate::state::Warning;
use crate::text::format::count;
use crate::text::{Clock, span};

pub(super) fn failure(reason: Failure) -> &'static str {
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

pub(super) fn advice(reason: Failure) -> &'static str {
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

pub(super) fn warning(warning: &Warning, clock: &Clock) -> String {
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
        Warning::TokenExpires { at } => {
            let when = at.map_or("即将".to_owned(), |at| {
                format!("{} 后（{}）", span(clock.seconds_until(at)), clock.at(at))
            });
            format!("上游令牌{when}到期，之后任务会等待新的令牌。")
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
