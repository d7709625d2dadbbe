//! Owns the Chinese words around the help of the commands, and for command lines that make no sense.

use crate::cli::args::values::ValueFlaw;
use crate::text::command_help::UsageProblem;

/// The parser's own words in a rendered help, the longer ones first.
pub(super) const HEADINGS: &[(&str, &str)] = &[
    ("Usage: ", "用法："),
    ("\nCommands:\n", "\n命令：\n"),
    ("\nArguments:\n", "\n参数：\n"),
    ("\nOptions:\n", "\n选项：\n"),
    ("\nScreen:\n", "\n界面：\n"),
    ("Possible values:", "可取："),
    ("[possible values: ", "[可取："),
    ("[default: ", "[默认："),
    ("[env: ", "[环境变量："),
    (
        "Print help (see more with '--help')",
        "显示帮助（--help 更详细）",
    ),
    (
        "Print help (see a summary with '-h')",
        "显示帮助（-h 为摘要）",
    ),
    ("Print help", "显示帮助"),
    ("Print version", "显示版本"),
    ("[OPTIONS]", "[选项]"),
    ("<COMMAND>", "<命令>"),
    ("[COMMAND]", "[命令]"),
];

/// Below the help.
pub(super) const AFTER_HELP: &str = "\
退出码：0 完成；1 有任务失败或被取消；2 用法有误；3 未登录，或必须先修改密码；
4 连不上服务器；5 点数不足；6 没有找到；7 因其他原因被拒绝；8 无法读写本机文件，
或服务器出错；9 服务器的证书不受信任；124 等待超时；130 被中断。

BATCH 为批次的 ID 或至少末 4 位。ITEM 为任务在批次中的序号、序号范围（如 3-7）、
ID 或其末几位。数据写到标准输出，说明写到标准错误。

环境变量：VBATCH_SERVER、VBATCH_FINGERPRINT、VBATCH_TOKEN；
LC_ALL、LC_MESSAGES、LANG（语言）；NO_COLOR、COLORTERM、TERM、COLORFGBG（界面）。

补全：bash: source <(vbatch completions bash)
  zsh: vbatch completions zsh > \"${fpath[1]}/_vbatch\"
  fish: vbatch completions fish > ~/.config/fish/completions/vbatch.fish";

/// Why a command line makes no sense.
pub(super) fn usage_problem(problem: &UsageProblem) -> String {
    let one_of = |valid: &[String]| match valid {
        [] => String::new(),
        valid => format!("（可取：{}）", valid.join("、")),
    };
    match problem {
        UsageProblem::UnknownArgument(argument, None) => format!("未知的参数 {argument}"),
        UsageProblem::UnknownArgument(argument, Some(meant)) => {
            format!("未知的参数 {argument}；是 {meant} 吗？")
        }
        UsageProblem::UnknownCommand(name, meant) if meant.is_empty() => {
            format!("未知的命令 {name}")
        }
        UsageProblem::UnknownCommand(name, meant) => {
            format!("未知的命令 {name}；是 {} 吗？", meant.join("、"))
        }
        UsageProblem::Missing(arguments) => format!("缺少 {}", arguments.join(" ")),
        UsageProblem::NoCommand(commands) => format!("缺少命令{}", one_of(commands)),
        UsageProblem::NoValue(argument, valid) => {
            format!("{argument} 缺少值{}", one_of(valid))
        }
        UsageProblem::Value {
            option,
            value,
            valid,
            flaw,
            words,
        } => {
            let why = match flaw {
                Some(flaw) => format!("：{}", flaw_words(*flaw)),
                None if words.is_empty() => String::new(),
                // The parser's own words for a number that is too large or too small.
                None => match words.split_once(" is not in ") {
                    Some((number, range)) => format!("：{number} 不在 {range} 之内"),
                    None => format!("：{words}"),
                },
            };
            format!("{option} 的值 {value} 无效{why}{}", one_of(valid))
        }
        UsageProblem::Conflict(argument, others) => {
            format!("{argument} 不能与 {} 同用", others.join("、"))
        }
        UsageProblem::Repeated(argument) => format!("{argument} 只能给一次"),
        UsageProblem::NoSuchValue(argument, value) => {
            format!("{argument} 不接受值 {value}")
        }
        UsageProblem::NotText => "命令行不是有效的 UTF-8 文字".to_owned(),
        UsageProblem::Other(words) => words.clone(),
    }
}

fn flaw_words(flaw: ValueFlaw) -> String {
    (super::commands::COMMANDS.value_flaw)(flaw)
}
