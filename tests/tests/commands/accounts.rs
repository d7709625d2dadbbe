//! Sessions, tokens and users by commands.

use vbatch_tests::programs::{Daemon, PASSWORD, folder};

use super::desk::{Desk, mode};

#[test]
fn sessions_are_the_users_alone_and_forgotten_when_told_to() {
    let data = folder();
    let daemon = Daemon::start(data.path(), &[], &[]);
    let desk = Desk::of_admin(&daemon);
    let file = desk.credentials();
    assert_eq!(mode(&file), 0o600);
    assert_eq!(mode(file.parent().unwrap()), 0o700);
    let profile = desk.run("whoami").done();
    assert!(
        profile.starts_with("admin, admin  9999 credits"),
        "{profile}"
    );
    let output = desk
        .type_in("login admin --password-stdin --json", PASSWORD)
        .done();
    assert!(
        !output.contains("eyJ"),
        "no token in what is printed: {output}"
    );
    desk.run("logout").done();
    assert_eq!(desk.run("whoami").code, 3);
    assert!(!std::fs::read_to_string(&file).unwrap().contains("eyJ"));
}

#[test]
fn programs_sign_in_by_keys_of_their_own() {
    let data = folder();
    let daemon = Daemon::start(data.path(), &[], &[]);
    let desk = Desk::of_admin(&daemon);
    let made = desk.run("keys create ci --expires 90d");
    let secret = made.out.trim_end().to_owned();
    assert_eq!((made.code, made.out.lines().count()), (0, 1), "{made:?}");
    assert!(secret.starts_with("vbk_"), "{made:?}");
    assert!(
        made.err.contains("VBATCH_TOKEN") && !made.err.contains(&secret),
        "{made:?}"
    );
    let list = desk.run("keys ls").done();
    assert!(list.contains("ci") && list.contains("read"), "{list}");
    assert!(!list.contains(&secret), "{list}");

    // Nothing else is needed, and nothing is kept.
    let program = Desk::at(&daemon).with("VBATCH_TOKEN", &secret);
    program.run("ls").done();
    let refused = program.run(&program.submission());
    assert_eq!(refused.code, 7, "{refused:?}");
    assert!(
        refused.err.contains("KEY_SCOPE_INSUFFICIENT"),
        "{refused:?}"
    );
    assert!(!program.credentials().exists());

    let answer = desk
        .run("keys create ci --scope submit --scope read --json")
        .json();
    let submitter = answer["secret"].as_str().unwrap();
    assert_eq!(
        answer["apiKey"]["scopes"].as_array().unwrap().len(),
        2,
        "{answer}"
    );
    let program = Desk::at(&daemon).with("VBATCH_TOKEN", submitter);
    program
        .run(&format!("{} --wait", program.submission()))
        .done();

    let unclear = desk.run("keys revoke ci");
    assert_eq!(unclear.code, 2, "two keys have that name: {unclear:?}");
    desk.run_args(&["keys", "revoke", &secret[..12]], b"")
        .done();
    let id = answer["apiKey"]["id"].as_str().unwrap();
    desk.run(&format!("keys revoke {}", &id[28..])).done();
    assert_eq!(program.run("ls").code, 3);
    assert_eq!(desk.run("keys revoke ci").code, 6);
}

#[test]
fn users_are_made_changed_kept_out_and_let_in_again() {
    let data = folder();
    let daemon = Daemon::start(data.path(), &[], &[]);
    let desk = Desk::of_admin(&daemon);
    let made = desk.run("admin create-user wang.fang --display-name 王芳 --credits 7");
    assert_eq!(made.out.lines().count(), 1, "{made:?}");
    let wang = Desk::at(&daemon);
    wang.sign_in("wang.fang", made.done().trim_end());
    assert_eq!(wang.run("admin users").code, 7, "only admins");

    let said = desk.run("admin role wang.fang admin");
    assert!(
        said.err.contains("wang.fang is an admin and can sign in"),
        "{said:?}"
    );
    assert_eq!(
        wang.run("whoami").code,
        3,
        "the session ended with the role"
    );
    wang.type_in("login wang.fang --password-stdin", PASSWORD)
        .done();
    wang.run("admin users").done();
    let answer = desk.run("admin role wang.fang user --json").json();
    assert_eq!(answer["user"]["role"], "ROLE_USER", "{answer}");

    desk.run("admin disable wang.fang").done();
    let out = wang.type_in("login wang.fang --password-stdin", PASSWORD);
    assert_eq!(out.code, 3, "{out:?}");
    let list = desk.run("admin users").done();
    assert!(list.contains("disabled"), "{list}");
    desk.run("admin enable wang.fang").done();
    wang.type_in("login wang.fang --password-stdin", PASSWORD)
        .done();

    let reset = desk.run("admin reset-password wang.fang");
    assert_eq!(reset.out.lines().count(), 1, "{reset:?}");
    assert!(reset.err.contains("signed out everywhere"), "{reset:?}");
    assert_eq!(wang.run("whoami").code, 3);
    wang.sign_in("wang.fang", reset.done().trim_end());

    // The last admin stays one, and whoever is not there is said.
    assert_eq!(desk.run("admin role admin user").code, 7);
    assert_eq!(desk.run("admin disable admin").code, 7);
    assert_eq!(desk.run("admin disable nobody").code, 6);
    assert_eq!(desk.run("admin role wang.fang boss").code, 2);
}

#[test]
fn the_audit_is_told_by_who_what_and_how() {
    let data = folder();
    let daemon = Daemon::start(data.path(), &[], &[]);
    let desk = Desk::of_admin(&daemon);
    desk.run("admin create-user wang.fang --credits 7").done();
    desk.run("admin credits wang.fang +5").done();
    desk.type_in("login wang.fang --password-stdin", "wrong\n");
    desk.type_in("login admin --password-stdin", PASSWORD)
        .done();

    let all = desk.run("admin audit").done();
    for word in [
        "user.create",
        "credits.adjust",
        "sign_in",
        "wang.fang",
        "127.0.0.1",
    ] {
        assert!(all.contains(word), "{word}: {all}");
    }
    let rows = |line: &str| desk.run(line).done().lines().skip(1).count();
    assert_eq!(rows("admin audit --action user. --about wang.fang"), 1);
    assert_eq!(rows("admin audit --action credits. --about wang.fang"), 1);
    assert_eq!(rows("admin audit --by wang.fang --outcome succeeded"), 0);
    assert!(rows("admin audit --outcome refused --since 1h") >= 1);
    let one = desk.run("admin audit --limit 1");
    assert!(one.err.contains("--all"), "{one:?}");
    let pages = desk.run("admin audit --all --json").done();
    let events: usize = pages
        .lines()
        .map(|page| {
            let page: serde_json::Value = serde_json::from_str(page).unwrap();
            page["events"].as_array().unwrap().len()
        })
        .sum();
    assert!(events >= all.lines().count() - 1, "{pages}");
    assert_eq!(desk.run("admin audit --by nobody").code, 6);
}
