//! Owns the Chinese words for refusals, by their reason and their facts.

use vision_batch::v1::refusal::Reason;

use crate::state::{Cause, Refusal};
use crate::text::format::{bytes, count, span};

pub(super) fn refusal_words(refusal: &Refusal) -> String {
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
        Cause::Untrusted => match (refusal.fact("fingerprint"), refusal.fact("trusted")) {
            ("", _) => "服务器的证书不受信任。".to_owned(),
            (shown, "") => format!(
                "本机不认识服务器的证书：{shown}。若与服务器打印的一致，请用 --fingerprint 指定。"
            ),
            (shown, _) => format!(
                "服务器的证书变了！什么都没有发送。请询问服务器管理者；确认是新证书后，用 --fingerprint {shown} 启动。"
            ),
        },
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
            Reason::UploadTooSlow => "上传太慢或停顿太久。没有扣点，请重新提交。".to_owned(),
            Reason::ShuttingDown => "服务器正在停止，请稍后再试。".to_owned(),
            Reason::BlobCorrupt => format!("{file} 在服务器上已损坏，请告诉管理员。"),
            Reason::Internal => format!(
                "服务器出错（事件 {}），请告诉管理员。",
                refusal.fact("incident_id")
            ),
            Reason::UserNotFound => "没有这个用户。".to_owned(),
            Reason::UsernameTaken => "用户名已被占用，请换一个。".to_owned(),
            Reason::LastAdmin => "最后一个管理员必须保留。".to_owned(),
            Reason::UpstreamTokenRejected => "上游拒绝此令牌。".to_owned(),
            Reason::EtagMismatch => "该用户已有变动，请重新查看。".to_owned(),
            Reason::BalanceChanged => match refusal.number("available") {
                Some(now) => format!("余额已变为 {}。没有变动点数，请重新查看。", count(now)),
                None => "余额已变。没有变动点数，请重新查看。".to_owned(),
            },
            Reason::KeyNotFound => "没有这个密钥（或已作废）。".to_owned(),
            Reason::Unspecified
            | Reason::FieldInvalid
            | Reason::PageTokenInvalid
            | Reason::OffsetInvalid => String::new(),
        },
    };
    match (known.is_empty(), refusal.message.is_empty()) {
        (false, _) => known,
        (true, false) => refusal.message.clone(),
        (true, true) => "服务器拒绝了，未说明原因。".to_owned(),
    }
}
