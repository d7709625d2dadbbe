//! Owns the Chinese questions, and what is said at the foot of the screen.

use vision_batch::v1;
use vision_batch::v1::dispatch::State as Dispatch;

use super::refusals::refusal_words;
use crate::state::{Ask, Carries, Notice, Rerun, moment};
use crate::text::Clock;
use crate::text::format::{bytes, count, span};

pub(super) fn ask_title(ask: &Ask) -> String {
    match ask {
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
        Ask::Delete { batches, .. } => match batches.as_slice() {
            [(_, name)] => format!("删除 {name}？"),
            several => format!("删除 {} 个批次？", several.len()),
        },
        Ask::Rerun(rerun) => format!("正式生成 {}？", rerun.name),
        Ask::Disable { user, .. } if user.disabled => format!("重新启用 {}？", user.username),
        Ask::Disable { user, .. } => format!("停用 {}？", user.username),
        Ask::Role { user, role, .. } => match role {
            v1::user::Role::Admin => format!("将 {} 设为管理员？", user.username),
            _ => format!("将 {} 改为普通用户？", user.username),
        },
        Ask::ResetPassword { user, .. } => format!("为 {} 重设密码？", user.username),
        Ask::RevokeKey { name, .. } => format!("作废密钥 {name}？"),
        Ask::Dispatch { state, .. } => match state {
            Dispatch::Paused => "暂停调度？",
            Dispatch::Draining => "开始收尾？",
            Dispatch::Running | Dispatch::Unspecified => "恢复调度？",
        }
        .to_owned(),
        Ask::Concurrency { to, .. } => format!("上游并发改为 {to}？"),
        Ask::ForceToken { .. } => "仍然使用被拒绝的令牌？".to_owned(),
        Ask::Quit { .. } => "退出？".to_owned(),
        Ask::Abort { label, .. } => format!("中止 {label}？"),
    }
}

pub(super) fn ask_lines(ask: &Ask, clock: &Clock) -> Vec<String> {
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
        Ask::Delete {
            videos,
            left_out,
            owner,
            ..
        } => delete_lines(*videos, *left_out, owner.as_deref()),
        Ask::Rerun(rerun) => rerun_lines(rerun, clock),
        Ask::Disable { user, me } => disable_lines(user, *me),
        Ask::Role { user, role, me } => {
            let mut lines = vec![
                match role {
                    v1::user::Role::Admin => {
                        "管理员可查看所有人的批次、调整点数、管理用户、控制服务运行。"
                    }
                    _ => "之后只能看到自己的批次。进行中的批次继续。",
                }
                .to_owned(),
            ];
            lines.push(sessions_end(user, *me));
            lines
        }
        Ask::ResetPassword { user, me } => vec![
            "现有密码作废，并向您显示一个一次性密码。".to_owned(),
            sessions_end(user, *me),
        ],
        Ask::RevokeKey { .. } => {
            vec!["使用它的程序立即被拒绝，已打开的数据流也会结束。无法撤销。".to_owned()]
        }
        Ask::Dispatch { state, running } => vec![match state {
            Dispatch::Paused => format!(
                "恢复之前不再开始任何任务。进行中的 {} 个继续。",
                count(*running)
            ),
            Dispatch::Draining => format!(
                "进行中的 {} 个会完成，之后不再开始。新批次仍可提交。",
                count(*running)
            ),
            Dispatch::Running | Dispatch::Unspecified => {
                "有空闲并发时，所有人等待的任务依次开始。".to_owned()
            }
        }],
        Ask::Concurrency { from, to } => vec![format!(
            "该账号在上游最多同时 {to} 个任务，之前是 {from} 个。进行中的任务继续。"
        )],
        Ask::ForceToken { said, .. } => vec![
            format!("上游拒绝了它：{said}"),
            "仍然使用则任务会等待，直到上游接受。之前的令牌会被替换。".to_owned(),
        ],
        Ask::Abort { carries, .. } => vec![
            match carries {
                Carries::Upload => "已发送的部分作废。草稿保持不变。",
                Carries::Video | Carries::Export => "已保存的部分作废。",
            }
            .to_owned(),
        ],
        Ask::Quit { transfers } => vec![format!("还有 {transfers} 个传输在进行，退出会中止它们。")],
    }
}

/// That tokens end at once, and whose.
fn sessions_end(user: &v1::User, me: bool) -> String {
    match me {
        true => "这是您自己：您的会话也会结束，需要重新登录。".to_owned(),
        false => format!("{} 会立即在各处退出登录。", user.username),
    }
}

fn disable_lines(user: &v1::User, me: bool) -> Vec<String> {
    if user.disabled {
        return vec!["密码不变，立即可以登录。".to_owned()];
    }
    let mut lines = vec![sessions_end(user, me)];
    if me {
        lines = vec!["这是您自己：您的会话会结束，并且无法再登录。".to_owned()];
    }
    lines.push(match user.active_item_count {
        0 => "重新启用之前，此用户名无法登录。".to_owned(),
        number => format!(
            "未结束批次的 {} 个任务继续，失败的照常退还点数。",
            count(number)
        ),
    });
    lines
}

fn delete_lines(videos: i32, left_out: usize, owner: Option<&str>) -> Vec<String> {
    let mut lines = vec![match videos {
        0 => "图片和音频会从服务器上永久删除。".to_owned(),
        _ => format!(
            "图片、音频和 {} 个完成的视频会从服务器上永久删除。",
            count(videos)
        ),
    }];
    lines.push(match owner {
        None => "点数和流水不变。".to_owned(),
        Some(owner) => format!("这属于 {owner}。点数和流水不变。"),
    });
    if left_out > 0 {
        lines.push(format!("所选中有 {left_out} 个批次尚未结束，会保留。"));
    }
    lines
}

fn rerun_lines(rerun: &Rerun, clock: &Clock) -> Vec<String> {
    let what = format!(
        "用已保存的文件生成 {} 个视频，作为新的批次。",
        count(rerun.count)
    );
    let quote = match &rerun.quote {
        None => return vec![what, "正在询价 ...".to_owned()],
        Some(Err(refusal)) => return vec![what, refusal_words(refusal)],
        Some(Ok(quote)) => quote,
    };
    let mut lines = vec![what];
    lines.push(match (quote.credits, &rerun.owner) {
        (0, _) => "不扣点数。".to_owned(),
        (cost, Some(owner)) => format!("扣 {owner} {} 点。", count(cost)),
        (cost, None) => format!(
            "扣 {} 点。余额 {} -> {}。",
            count(cost),
            count(quote.balance_before),
            count(quote.balance_after)
        ),
    });
    if !quote.affordable && rerun.owner.is_none() {
        lines.push("点数不足，请管理员充值。".to_owned());
    }
    if let Some(time) = &quote.expected_finish_time {
        let at = moment(time);
        lines.push(format!(
            "约 {} 完成（{} 后）；并发 {}，前面有 {} 个任务。",
            clock.at(at),
            span(clock.seconds_until(at).max(60)),
            count(quote.slot_limit),
            count(quote.items_ahead)
        ));
    }
    if let Some(wait) = &quote.wait {
        lines.push(format!(
            "先要等待{}。",
            (super::TEXTS.wait_long)(wait.reason())
        ));
    }
    lines
}

pub(super) fn notice(notice: &Notice) -> String {
    match notice {
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
        Notice::CopiedSecret => "已复制。不会再次显示。".to_owned(),
        Notice::KeyRevoked => "密钥已作废。".to_owned(),
        Notice::NothingToNarrow => "这条记录没有写明。".to_owned(),
        Notice::CreditsAre { username, balance } => {
            format!("{username} 现有 {} 点。", count(*balance))
        }
        Notice::UserIs { username, disabled } => match disabled {
            true => format!("{username} 已停用。"),
            false => format!("{username} 可以重新登录。"),
        },
        Notice::RoleIs { username, role } => match role {
            v1::user::Role::Admin => format!("{username} 现在是管理员。"),
            _ => format!("{username} 现在是普通用户。"),
        },
        Notice::DispatchIs { state, concurrency } => format!(
            "调度{}，并发 {concurrency}。",
            (super::admin::ADMIN.dispatch_state)(*state)
        ),
        Notice::TokenIsIn { account, said, .. } if said.is_empty() => {
            format!("已启用 {account} 的令牌。")
        }
        Notice::TokenIsIn { said, .. } => format!("令牌已填入；上游返回：{said}"),
        Notice::NothingToDelete => "只能删除已结束的：请先取消，或等待结束。".to_owned(),
        Notice::Deleted {
            count: number,
            bytes: freed,
        } => format!("已删除 {} 个批次，释放 {}。", count(*number), bytes(*freed)),
        Notice::BatchGone => "该批次已被删除。".to_owned(),
        Notice::NothingToRerun => "这不是可以正式生成的预览。".to_owned(),
        Notice::NoRealEngine => "此服务器只有预览引擎。".to_owned(),
        Notice::NothingToPlay => "这里没有可播放的完成视频。".to_owned(),
        Notice::NotPlayed(words) => format!("无法启动播放器：{words}"),
        Notice::OneAtATime => "一次一个：请取消选中，只选一个。".to_owned(),
        Notice::Bell(true) => "您的批次结束或失败时会响铃。".to_owned(),
        Notice::Bell(false) => "不再响铃。".to_owned(),
        Notice::Mouse(true) => "鼠标可选择和滚动；按住 Shift 选取文字。".to_owned(),
        Notice::Mouse(false) => "鼠标交还给终端。".to_owned(),
        Notice::Command(command) => format!("请在您自己的电脑上运行：{command}"),
        Notice::ReadOnly => "此界面为只读。".to_owned(),
        Notice::PasswordChanged => "新密码已生效。".to_owned(),
    }
}
