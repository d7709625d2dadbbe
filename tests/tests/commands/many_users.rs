//! Many users from a file, and the same file again.

use vbatch_tests::programs::{Daemon, folder};

use super::desk::Desk;

#[test]
fn a_file_of_users_is_made_once_and_gone_on_with() {
    let data = folder();
    let daemon = Daemon::start(data.path(), &[], &[]);
    let desk = Desk::of_admin(&daemon);
    let file = "username,role,credits,password\r\n\
                wang.fang,,12,\r\n\
                李明,admin,,\r\n\
                zhao,user,0,\"a long, first password\"\r\n";
    std::fs::write(desk.path("staff.csv"), file).unwrap();
    let checked = desk.run("admin create-users staff.csv --check");
    assert!(
        checked.err.contains("3 to be made, 0 there already"),
        "{checked:?}"
    );
    assert_eq!(checked.out, "");

    let made = desk.run("admin create-users staff.csv");
    assert_eq!(made.code, 0, "{made:?}");
    let lines: Vec<&str> = made.out.lines().collect();
    assert_eq!(lines[0], "username,one_time_password,expire_time");
    assert_eq!(lines.len(), 3, "who brought a password gets none: {made:?}");
    let cells: Vec<&str> = lines[1].split(',').collect();
    assert_eq!((cells[0], cells.len()), ("wang.fang", 3), "{made:?}");
    let wang = Desk::at(&daemon);
    wang.sign_in("wang.fang", cells[1]);
    assert!(wang.run("whoami").done().contains("12 credits"));
    Desk::at(&daemon).sign_in("zhao", "a long, first password");
    let users = desk.run("admin users --json").json();
    let li = users["users"]
        .as_array()
        .unwrap()
        .iter()
        .find(|user| user["username"] == "李明")
        .unwrap();
    assert_eq!(li["role"], "ROLE_ADMIN", "{li}");

    // The same again, with one more: only he is made.
    let again = desk.type_in("admin create-users -", format!("{file}new.one,,,\n"));
    assert_eq!(again.code, 0, "{again:?}");
    assert!(
        again.err.contains("line 2: wang.fang is there already"),
        "{again:?}"
    );
    assert!(again.err.contains("1 made, 3 there already"), "{again:?}");
    assert_eq!(again.out.lines().count(), 2, "{again:?}");
    wang.run("whoami").done();
}

#[test]
fn nobody_is_made_of_a_file_with_a_mistake_in_it() {
    let data = folder();
    let daemon = Daemon::start(data.path(), &[], &[]);
    let desk = Desk::of_admin(&daemon);
    let file = "username,role,credits\nwang.fang,user,5\nli ming,boss,many\n";
    let ran = desk.type_in("admin create-users -", file);
    assert_eq!((ran.code, ran.out.as_str()), (2, ""), "{ran:?}");
    for words in [
        "line 3, column username: li ming",
        "line 3, column role: boss",
        "line 3, column credits: many",
        "3 mistakes",
    ] {
        assert!(ran.err.contains(words), "{words}: {ran:?}");
    }
    assert_eq!(
        desk.run("admin users").done().lines().count(),
        2,
        "admin alone"
    );
    assert_eq!(desk.run("admin create-users missing.csv").code, 8);
    assert_eq!(desk.type_in("admin create-users -", "").code, 2);
}
