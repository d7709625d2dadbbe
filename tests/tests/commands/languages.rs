//! The same commands in Chinese: by the environment and by the argument.

use unicode_width::UnicodeWidthStr as _;
use vbatch_tests::programs::{Daemon, PASSWORD, folder};

use super::desk::Desk;

/// Whether a text is English: words of three letters or more that are no names.
fn english_words(text: &str) -> Vec<String> {
    const NAMES: [&str; 9] = [
        "vbatch", "admin", "portrait", "png", "mp3", "speech", "MiB", "KiB", "GiB",
    ];
    text.split(|c: char| !c.is_ascii_alphabetic())
        .filter(|word| word.len() > 2 && !NAMES.contains(word))
        // Digits of ids.
        .filter(|word| !word.chars().all(|c| ('a'..='f').contains(&c)))
        .map(str::to_owned)
        .collect()
}

#[test]
fn commands_speak_chinese_and_their_columns_stand() {
    let data = folder();
    let daemon = Daemon::start(data.path(), &[], &[]);
    let desk = Desk::at(&daemon).with("LANG", "zh_CN.UTF-8");
    let refused = desk.run("ls");
    assert!(
        refused.err.contains("请先登录：vbatch login"),
        "{refused:?}"
    );
    let signed_in = desk.type_in(
        "login admin --password-stdin --new-password-stdin",
        format!("admin\n{PASSWORD}\n"),
    );
    assert!(signed_in.err.contains("admin 已登录"), "{signed_in:?}");
    let submitted = desk.run(&format!("{} --name 春季 --wait", desk.submission()));
    assert!(submitted.err.contains("已创建：2 个任务"), "{submitted:?}");
    assert!(submitted.err.contains("完成 2/2"), "{submitted:?}");
    let id = submitted.out.trim_end().to_owned();

    for (line, title) in [
        ("ls".to_owned(), "名称"),
        (format!("show {id}"), "源图片"),
        ("info".to_owned(), "引擎"),
        ("admin users".to_owned(), "用户名"),
        ("admin ledger".to_owned(), "余额"),
        ("admin audit --action sign_in --limit 3".to_owned(), "经手"),
        ("keys ls".to_owned(), "权限"),
    ] {
        let table = desk.run(&line).done();
        assert!(table.contains(title), "{line}: {table}");
        let titles = table.lines().find(|line| line.contains(title)).unwrap();
        assert_eq!(english_words(titles), Vec::<String>::new(), "{table}");
    }
    let table = desk.run("ls").done();
    let (titles, row) = (table.lines().next().unwrap(), table.lines().nth(1).unwrap());
    let column = |line: &str, word: &str| line[..line.find(word).unwrap()].width();
    assert_eq!(column(titles, "名称"), column(row, "春季"), "{table}");
    assert_eq!(column(titles, "引擎"), column(row, "预览"), "{table}");
    assert_eq!(column(titles, "状态"), column(row, "已完成"), "{table}");

    // The argument is stronger than the environment, wherever it stands.
    let english = desk.run("ls --lang en").done();
    assert!(english.starts_with("ID "), "{english}");
    let help = desk.run("--lang=en submit --help").done();
    assert!(help.contains("Usage:"), "{help}");
    let help = desk.run("submit --help").done();
    assert!(
        help.contains("用法：vbatch submit") && help.contains("源图片"),
        "{help}"
    );
    assert!(!help.contains("Usage"), "{help}");
    let wrong = desk.run("wait");
    assert_eq!(wrong.code, 2);
    assert!(wrong.err.contains("缺少 <BATCH>"), "{wrong:?}");

    let mut terminal = desk.at_terminal(&format!("delete {id}"));
    terminal.until_text("彻底删除批次");
    terminal.type_keys("是\r");
    assert_eq!(terminal.ended().0, 0);
    assert_eq!(desk.run(&format!("show {id}")).code, 6);
}
