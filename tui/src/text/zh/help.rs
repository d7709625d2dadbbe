//! Owns the Chinese help of the commands. The English one is what is written at the arguments themselves.
//!
//! Each table takes its arguments apart field by field, so that one without words here does not compile.

use crate::cli::args::admin::{
    Admin, Audit, CreateUser, CreateUsers, OutcomeArgument, RoleArgument,
};
use crate::cli::args::keys::{Keys, ScopeArgument};
use crate::cli::args::screen::{
    ColorArgument, LanguageArgument, Screen, ThemeArgument, WidthArgument,
};
use crate::cli::args::ssh_keys::SshKeys;
use crate::cli::args::{
    Arguments, Cancel, Command, Delete, Download, Export, Follow, KindArgument, Login, Ls, Passwd,
    Quote, Rerun, Retry, Show, StateArgument, Submit, Wait, Watch,
};
use crate::text::command_help::HelpTexts;

/// What fields of a struct mean; those after `..` are arguments of their own, or hidden.
macro_rules! fields {
    ($($of:ident, $struct:ident { $($field:ident: $words:literal,)* .. $($other:ident,)* })*) => {
        $(fn $of(id: &str) -> Option<&'static str> {
            const _: fn(&$struct) = |all| {
                let $struct { $($field: _,)* $($other: _,)* } = all;
            };
            match id {
                $(stringify!($field) => Some($words),)*
                _ => None,
            }
        })*
    };
}

/// What commands do, and what those fields mean that are written with them.
macro_rules! commands {
    ($about:ident, $of:ident, $enum:ident {
        $($name:literal $variant:ident $(($inner:tt))? $({ $($field:ident: $help:literal),* })?: $words:literal,)*
    }) => {
        const _: fn(&$enum) = |one| match one {
            $($enum::$variant $(($inner))? $({ $($field: _),* })? => {})*
        };

        fn $about(name: &str) -> Option<&'static str> {
            match name {
                $($name => Some($words),)*
                _ => None,
            }
        }

        fn $of(name: &str, id: &str) -> Option<&'static str> {
            match (name, id) {
                $($($(($name, stringify!($field)) => Some($help),)*)?)*
                _ => None,
            }
        }
    };
}

/// Everything of the help.
pub(super) static HELP: HelpTexts = HelpTexts {
    about: |path| match path {
        [] => Some("一段语音加多张图片，变成视频：界面，以及供脚本使用的命令。"),
        [name] => command(name),
        ["admin", name] => admin(name),
        ["keys", name] => keys(name),
        ["ssh-keys", name] => ssh_keys(name),
        _ => None,
    },
    argument: |path, id| match path {
        [] => arguments(id).or_else(|| screen(id)),
        ["login"] => login(id),
        ["passwd"] => passwd(id),
        ["submit"] => submit(id).or_else(|| follow(id)),
        ["quote"] => quote(id),
        ["rerun"] => rerun(id).or_else(|| follow(id)),
        ["ls"] => ls(id),
        ["show"] => show(id),
        ["watch"] => watch(id),
        ["wait"] => wait(id),
        ["cancel"] => cancel(id),
        ["retry"] => retry(id),
        ["download"] => download(id),
        ["export"] => export(id),
        ["delete"] => delete(id),
        ["admin", "create-user"] => create_user(id),
        ["admin", "create-users"] => create_users(id),
        ["admin", "audit"] => audit(id),
        ["admin", name] => admin_argument(name, id),
        ["keys", name] => keys_argument(name, id),
        ["ssh-keys", name] => ssh_keys_argument(name, id),
        [name] => command_argument(name, id),
        _ => None,
    },
    language: |one| match one {
        LanguageArgument::En => "英文",
        LanguageArgument::Zh => "中文",
    },
    color: |one| match one {
        ColorArgument::Truecolor => "任意颜色",
        ColorArgument::Cube => "256 色",
        ColorArgument::Sixteen => "终端自己的 16 色",
        ColorArgument::None => "不用颜色",
    },
    theme: |one| match one {
        ThemeArgument::Dark => "深色背景",
        ThemeArgument::Light => "浅色背景",
    },
    width: |one| match one {
        WidthArgument::Auto => "必要时询问终端",
        WidthArgument::Narrow => "一格",
        WidthArgument::Wide => "两格",
    },
    state: |one| match one {
        StateArgument::Created => "尚未开始",
        StateArgument::Processing => "处理中",
        StateArgument::Completed => "全部结束，至少完成一个",
        StateArgument::Failed => "没有完成的，至少失败一个",
        StateArgument::Cancelled => "全部取消",
    },
    kind: |one| match one {
        KindArgument::Video => "完成的视频",
        KindArgument::Image => "源图片",
        KindArgument::Audio => "批次的音频",
    },
    role: |one| match one {
        RoleArgument::User => "自己的批次",
        RoleArgument::Admin => "所有人的批次、用户、点数和服务",
    },
    outcome: |one| match one {
        OutcomeArgument::Succeeded => "已完成",
        OutcomeArgument::Refused => "被拒绝",
        OutcomeArgument::Failed => "获准但没有成功",
    },
    scope: |one| match one {
        ScopeArgument::Read => "查看和下载",
        ScopeArgument::Submit => "新建、取消、重试、重做、删除批次，并可查看",
        ScopeArgument::Admin => "管理员能做的一切；仅限管理员",
    },
};

commands! {
    command, command_argument, Command {
        "login" Login(_): "登录并保存会话",
        "logout" Logout: "忘记会话",
        "whoami" Whoami: "显示当前用户和余额",
        "passwd" Passwd(_): "修改密码",
        "submit" Submit(_): "上传图片和一个音频，建成批次",
        "quote" Quote(_): "显示一个批次的费用和预计完成时间",
        "ls" Ls(_): "列出批次，最新在前",
        "show" Show(_): "显示一个批次及其任务，或一个任务及其各次尝试",
        "watch" Watch(_): "跟踪批次直到完成",
        "wait" Wait(_): "等到批次完成",
        "cancel" Cancel(_): "取消批次或其中的任务",
        "retry" Retry(_): "再次尝试失败的任务，按价扣点",
        "rerun" Rerun(_): "用另一批次已存的文件新建批次，可换引擎或提示词",
        "download" Download(_): "保存完成的视频",
        "export" Export(_): "把完成的视频保存为 ZIP",
        "delete" Delete(_): "删除已结束的批次及其文件",
        "info" Info: "显示服务接受什么、价格和状况",
        "keys" Keys(_): "供程序登录用的密钥",
        "ssh-keys" SshKeys(_): "通过 SSH 登录用的公钥",
        "admin" Admin(_): "用户、点数和服务的运行（管理员）",
        "completions" Completions { shell: "哪种 shell" }: "输出 shell 补全脚本",
        "man" Man { out: "改为把每个命令的手册页写入此目录" }: "输出手册页（英文）",
    }
}

commands! {
    admin, admin_argument, Admin {
        "users" Users { text: "用户名或姓名中的文字" }: "列出用户",
        "create-user" CreateUser(_): "新建用户，显示一次性密码",
        "create-users" CreateUsers(_): "按 CSV 文件新建多个用户，以 CSV 显示一次性密码",
        "role" Role { user: "用户名或 ID", role: "今后的角色" }: "更改角色；其所有会话随之结束",
        "disable" Disable { user: "用户名或 ID" }: "停用用户；其批次继续",
        "enable" Enable { user: "用户名或 ID" }: "恢复用户",
        "reset-password" ResetPassword { user: "用户名或 ID" }:
            "给用户一次性密码，只显示一次；其所有会话随之结束",
        "credits" Credits {
            user: "用户名或 ID",
            amount: "+N 增加，-N 扣减，=N 设定；缺省则显示",
            note: "原因"
        }: "显示、增加（+5）、扣减（-5）或设定（=100）点数",
        "ledger" Ledger {
            user: "谁的：用户名、ID，或 - 表示所有人；缺省为自己",
            batch: "只看这个批次",
            limit: "最多列出多少条"
        }: "点数流水，最新在前",
        "audit" Audit(_): "做过和试过什么，最新在前",
        "system" System { watch: "持续显示：每次变化一行，或以 JSON 输出数据流的每个事件" }:
            "服务现在的状况",
        "token" Token { force: "即使上游拒绝也采用" }: "填入新的上游令牌，从标准输入读取或询问",
        "pause" Pause { drain: "收尾：与暂停相同，但表明是为了停机" }: "暂停，不再开始新任务",
        "resume" Resume { concurrency: "同时设定上游并发数" }: "恢复，继续开始任务",
    }
}

commands! {
    ssh_keys, ssh_keys_argument, SshKeys {
        "ls" Ls { user: "谁的（管理员）：用户名或 ID" }: "列出公钥，最新在前",
        "add" Add {
            file: "公钥：.pub 文件；- 表示标准输入",
            name: "便于辨认的名称；缺省为公钥自带的注释",
            user: "谁的（管理员）：用户名或 ID"
        }: "允许一个公钥通过 SSH 登录",
        "rm" Rm {
            key: "名称、指纹、ID 或 ID 的末几位",
            user: "谁的（管理员）：用户名或 ID"
        }: "移除公钥；已打开的会话不受影响",
    }
}

commands! {
    keys, keys_argument, Keys {
        "ls" Ls { user: "谁的（管理员）：用户名或 ID" }: "列出密钥，最新在前",
        "create" Create {
            name: "便于辨认的名称：哪个程序使用",
            scopes: "可以做什么；可多次给出",
            expires: "多久后自动到期：12h、90d",
            user: "谁的（管理员）：用户名或 ID"
        }: "新建密钥，其内容只显示一次",
        "revoke" Revoke {
            key: "名称、ID、ID 的末几位，或内容的开头",
            user: "谁的（管理员）：用户名或 ID"
        }: "立即作废密钥",
    }
}

fields! {
    arguments, Arguments {
        server: "服务器：https://主机:端口；不加密时为 http://主机:端口 或 主机:端口",
        fingerprint: "只信任 SHA-256 指纹为此值的证书，并保留以后使用",
        json: "以 JSON 输出：接口消息的 protobuf JSON 形式，每行一条",
        quiet: "除数据和错误外不输出任何内容",
        no_input: "从不询问；需要回答时即失败",
        lang: "界面和说明的语言；缺省随环境",
        token: "代替已保存会话的令牌或 API 密钥：- 表示从标准输入读取或询问；也可用 VBATCH_TOKEN。直接写在命令行会被本机所有人看到",
        .. screen, command,
    }
    screen, Screen {
        read_only: "只看：不提供任何更改或花费",
        color: "颜色；缺省随环境（NO_COLOR、COLORTERM、TERM）",
        theme: "适合深色或浅色背景的配色",
        ascii: "只用 ASCII 符号",
        ambiguous_width: "宽度不定的字符在此终端占几格",
        bell: "自己的批次结束或失败时响铃（B 切换）",
        mouse: "可用鼠标选择和滚动（M 切换）",
        ..
    }
    login, Login {
        username: "用户名；缺省则询问",
        password_stdin: "从标准输入的第一行读取密码",
        new_password_stdin: "若须修改密码，从标准输入的下一行读取新密码",
        ..
    }
    passwd, Passwd {
        password_stdin: "从标准输入的两行读取旧密码和新密码",
        ..
    }
    follow, Follow {
        wait: "等到批次完成",
        download: "把完成的视频保存到这里（并等待完成）",
        ..
    }
    submit, Submit {
        images: "源图片：PNG、JPEG 或 WebP；- 表示从标准输入读取路径，每行一个",
        audio: "音频：WAV、MP3、M4A/AAC、FLAC 或 OGG；- 表示标准输入",
        tar: "图片和唯一的音频都在一个 tar 归档中，按内容辨认；- 表示标准输入",
        name: "显示的名称；缺省为音频的文件名",
        prompt: "视频应呈现什么；- 表示标准输入",
        negative_prompt: "视频不应呈现什么",
        engine: "引擎；缺省为服务器的默认值",
        labels: "标签，可多次给出",
        max_credits: "最多花费多少点",
        request_id: "UUID，使重复执行安全：批次只建成并扣点一次",
        .. follow,
    }
    quote, Quote {
        images: "源图片，用来计数",
        count: "图片数，代替列出图片",
        audio: "音频，用来测量时长",
        duration: "音频时长，代替文件：48s、1m30s",
        engine: "引擎；缺省为服务器的默认值",
        ..
    }
    ls, Ls {
        text: "名称、提示词或所有者中的文字，或 ID 的末几位",
        states: "只列此状态；可多次给出",
        with_failures: "只列有失败任务的",
        without_failures: "只列没有失败任务的",
        labels: "只列有此标签的；可多次给出",
        since: "只列最近这段时间内创建的：2h、7d",
        owner: "谁的（管理员）：用户名、用户 ID，或 - 表示所有人",
        attention: "需要处理的在前，然后是未完成的",
        limit: "最多列出多少批次",
        all: "全部列出",
        ..
    }
    show, Show {
        batch: "批次",
        item: "其中一个任务，及其各次尝试",
        ..
    }
    watch, Watch {
        batch: "批次",
        follow: "完成后继续，例如等待重试",
        ..
    }
    wait, Wait {
        batch: "批次",
        timeout: "最多等多久：90s、10m、2h",
        ..
    }
    cancel, Cancel {
        batch: "批次",
        items: "只取消这些任务",
        ..
    }
    retry, Retry {
        batch: "批次",
        items: "只重试这些任务",
        failed: "所有失败的任务；既没有任务也没有 --cancelled 时即为此",
        cancelled: "所有已取消的任务",
        max_credits: "最多花费多少点",
        request_id: "UUID，使重复执行安全",
        ..
    }
    rerun, Rerun {
        batch: "用哪个批次的文件",
        items: "只用这些任务的图片",
        engine: "引擎；缺省不变",
        prompt: "提示词；缺省不变",
        negative_prompt: "反向提示词；缺省不变",
        name: "名称；缺省不变",
        labels: "标签，可多次给出；缺省不变",
        max_credits: "最多花费多少点",
        request_id: "UUID，使重复执行安全",
        .. follow,
    }
    download, Download {
        batch: "批次",
        items: "只保存这些任务；缺省为所有完成的",
        out: "保存到哪里：目录，或 - 表示标准输出（仅一个文件）",
        kind: "保存什么",
        overwrite: "替换已有的不同文件",
        ..
    }
    export, Export {
        batch: "批次",
        items: "只导出这些任务；缺省为所有完成的",
        out: "写入的文件，或 - 表示标准输出；缺省以批次命名",
        overwrite: "替换已有的文件",
        ..
    }
    delete, Delete {
        batch: "批次；必须已结束",
        yes: "不询问",
        ..
    }
    create_user, CreateUser {
        username: "用户名",
        display_name: "显示的姓名",
        admin: "设为管理员",
        credits: "起始点数；缺省为服务器的默认值",
        language: "偏好的语言：en 或 zh",
        password_stdin: "从标准输入读取初始密码，而不是生成一次性密码",
        ..
    }
    create_users, CreateUsers {
        file: "文件，或 - 表示标准输入：第一行为列名，以后每行一个用户。列：username；可选 display_name、role（user 或 admin）、credits、language（en 或 zh）、password（初始密码，代替一次性密码）。全部检查无误后才开始新建；已存在的保持不变，因此再次运行同一命令即从中断处继续",
        check: "只检查文件",
        ..
    }
    audit, Audit {
        by: "只看此用户所做的：用户名或 ID",
        action: "只看此操作；以点结尾则为所有以此开头的：batch.cancel、user.",
        about: "只看对此所做的：用户名，或批次、任务、密钥、用户的完整 ID",
        outcome: "只看此结果的",
        since: "只看最近这段时间内的：2h、7d",
        limit: "最多列出多少条",
        all: "全部列出",
        ..
    }
}
