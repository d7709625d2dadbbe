//! The user's own keys for programs.

use vbatch_tui::keymap::{Key, Mode};
use vbatch_tui::state::{
    Cause, Effect, Look, NetEffect, NetMessage, Refusal, TerminalEffect, Ticket,
};
use vision_batch::v1;
use vision_batch::v1::api_key::Scope;
use vision_batch::v1::refusal::Reason;
use vision_batch::v1::user::Role;

use super::samples::{self, Driver, NOW, answer_admin, signed_in, start};
use super::{admin, assert_shows, shown};

const SECRET: &str = "vbk_h7m2kq09aaaabbbbccccddddeeeeffffgggghhhh";

fn in_keys(role: Role) -> Driver {
    let mut driver = match role {
        Role::Admin => admin(),
        _ => signed_in(start(Look::default(), (100, 24)), "zhangwei", role),
    };
    driver.keys("K");
    answer_admin(&mut driver);
    driver
}

fn made(driver: &mut Driver, ticket: Ticket) {
    let response = v1::CreateApiKeyResponse {
        api_key: Some(v1::ApiKey {
            id: "0198c0de-0000-7000-8000-00000000a009".to_owned(),
            name: "ci".to_owned(),
            secret_prefix: "vbk_h7m2kq09".to_owned(),
            scopes: vec![Scope::Submit.into()],
            create_time: samples::at(0),
            expire_time: samples::at(86_400 * 90),
            ..v1::ApiKey::default()
        }),
        secret: SECRET.to_owned(),
    };
    driver.net(NetMessage::ApiKeyMade(ticket, Ok(Box::new(response))));
}

#[test]
fn keys_are_listed_with_what_they_may_and_when_they_end() {
    let mut driver = in_keys(Role::User);
    assert_eq!(driver.state.mode(), Mode::ApiKeys);
    for words in [
        "4 keys",
        "nightly",
        "vbk_h7m2kq03",
        "submit",
        "1.9h ago",
        "2027-02-10",
        "ended",
        "in 8.3h",
        "VBATCH_TOKEN=",
    ] {
        assert_shows(&driver, words);
    }
    driver.press(Key::Esc);
    assert_eq!(driver.state.mode(), Mode::Batches);
}

#[test]
fn a_secret_is_shown_once_and_copied() {
    let mut driver = in_keys(Role::User);
    driver.keys("n");
    assert_eq!(driver.state.mode(), Mode::Dialog);
    // Not the last field yet: on to the choice below.
    driver.press(Key::Ctrl('s'));
    assert_eq!(driver.state.mode(), Mode::Choice);
    driver.press(Key::Enter).press(Key::Enter);
    assert_shows(&driver, "A name is needed, to know the key by.");
    driver.keys("ci").press(Key::Tab);
    assert!(
        !shown(&driver).contains(") admin"),
        "no key may more than its user"
    );
    driver.keys(" ").press(Key::Tab).keys("0").press(Key::Enter);
    assert_shows(&driver, "A whole number from 1 to 3,650 is needed.");
    driver.press(Key::Backspace).keys("９０").press(Key::Enter);
    let wanted = v1::CreateApiKeyRequest {
        name: "ci".to_owned(),
        scopes: vec![Scope::Submit.into()],
        expire_time: samples::at(86_400 * 90),
        user_id: String::new(),
    };
    let asked = driver.asked();
    let [NetEffect::CreateApiKey(ticket, request)] = &asked[..] else {
        panic!("{asked:?}");
    };
    assert_eq!(*request, wanted);
    made(&mut driver, *ticket);
    assert_eq!(driver.state.mode(), Mode::Note);
    assert_shows(&driver, SECRET);
    assert_shows(&driver, "It is never shown again");
    driver.effects.clear();
    driver.keys("y");
    let copied = Effect::Terminal(TerminalEffect::Copy(SECRET.to_owned()));
    assert_eq!(driver.effects, [copied]);
    assert!(!format!("{:?}", driver.state).contains(SECRET));
    driver.press(Key::Esc);
    assert!(!shown(&driver).contains(SECRET));
    assert_shows(&driver, "vbk_h7m2kq09");
}

#[test]
fn a_key_without_a_day_lives_for_ever_and_an_admin_may_have_one_for_admins() {
    let mut driver = in_keys(Role::Admin);
    driver.keys("nall").press(Key::Tab).press(Key::Left);
    assert_shows(&driver, "(*) admin");
    driver.press(Key::Tab).press(Key::Enter);
    let asked = driver.asked();
    let [NetEffect::CreateApiKey(ticket, request)] = &asked[..] else {
        panic!("{asked:?}");
    };
    assert_eq!(request.scopes, [i32::from(Scope::Admin)]);
    assert_eq!(request.expire_time, None);
    // The secret is shown whatever was done in the meantime.
    driver.press(Key::Esc).keys("1");
    made(&mut driver, *ticket);
    assert_shows(&driver, SECRET);
}

#[test]
fn a_key_ends_after_a_question() {
    let mut driver = in_keys(Role::User);
    driver.keys("jx");
    assert_shows(&driver, "End the key nightly?");
    assert_shows(&driver, "Whatever uses it is refused at once");
    driver.press(Key::Enter);
    assert_eq!(driver.asked(), [], "the default is no");
    driver.keys("xy");
    let wanted = v1::RevokeApiKeyRequest {
        api_key_id: samples::api_keys()[1].id.clone(),
        user_id: String::new(),
    };
    assert_eq!(driver.asked(), [NetEffect::RevokeApiKey(wanted)]);
    driver.net(NetMessage::ApiKeyRevoked(Ok(())));
    assert_shows(&driver, "The key has ended.");
    let asked = driver.asked();
    let [NetEffect::ListApiKeys { number, .. }] = &asked[..] else {
        panic!("{asked:?}");
    };
    let mut left = samples::api_keys();
    left.remove(1);
    driver.net(NetMessage::ApiKeyPage {
        number: *number,
        result: Ok(Box::new(v1::ListApiKeysResponse {
            api_keys: left,
            next_page_token: String::new(),
        })),
    });
    assert!(!shown(&driver).contains("nightly"));
}

#[test]
fn the_list_is_read_again_while_it_is_looked_at() {
    let mut driver = in_keys(Role::User);
    let tick = |driver: &mut Driver, seconds| {
        let at = jiff::Timestamp::from_second(NOW + seconds).unwrap();
        driver.send(vbatch_tui::state::Message::Tick(at));
    };
    tick(&mut driver, 10);
    assert_eq!(driver.asked(), []);
    tick(&mut driver, 16);
    assert!(matches!(
        driver.asked()[..],
        [NetEffect::ListApiKeys { .. }]
    ));
}

#[test]
fn a_key_cannot_make_keys_and_is_told_so() {
    let mut driver = admin();
    driver.keys("K");
    let asked = driver.asked();
    let [NetEffect::ListApiKeys { number, .. }] = &asked[..] else {
        panic!("{asked:?}");
    };
    driver.net(NetMessage::ApiKeyPage {
        number: *number,
        result: Err(Refusal::new(
            Cause::Server(Reason::KeyScopeInsufficient),
            "",
        )),
    });
    assert_shows(&driver, "This API key may not be used for that.");
}

#[test]
fn a_read_only_screen_looks_at_keys_alone() {
    let mut looking = start(Look::default(), (100, 24));
    looking.read_only = true;
    let mut driver = signed_in(looking, "zhangwei", Role::User);
    driver.keys("K");
    answer_admin(&mut driver);
    driver.keys("nx");
    assert_eq!(driver.state.mode(), Mode::ApiKeys);
    driver.keys("?");
    assert!(!shown(&driver).contains("new API key"));
}

#[test]
fn an_admin_looks_after_the_keys_of_another() {
    let mut driver = super::users::on_zhangwei();
    driver.keys("K");
    let asked = driver.asked();
    let [NetEffect::ListApiKeys { number, request }] = &asked[..] else {
        panic!("{asked:?}");
    };
    assert_eq!(request.user_id, "user-zhangwei");
    driver.net(NetMessage::ApiKeyPage {
        number: *number,
        result: Ok(Box::new(v1::ListApiKeysResponse {
            api_keys: samples::api_keys(),
            next_page_token: String::new(),
        })),
    });
    assert_shows(&driver, "API keys of zhangwei");
    // A key may no more than its user, whoever makes it.
    driver.keys("nci").press(Key::Tab);
    assert!(!shown(&driver).contains(") admin"));
    driver.press(Key::Tab).press(Key::Enter);
    let asked = driver.asked();
    assert!(
        matches!(&asked[..], [NetEffect::CreateApiKey(_, request)] if request.user_id == "user-zhangwei"),
        "{asked:?}"
    );
    driver.press(Key::Esc).keys("jxy");
    let asked = driver.asked();
    assert!(
        matches!(&asked[..], [NetEffect::RevokeApiKey(request)] if request.user_id == "user-zhangwei"),
        "{asked:?}"
    );
    // The own ones are others, and Esc goes back to where one came from.
    driver.keys("5");
    assert!(!shown(&driver).contains("nightly"), "{}", shown(&driver));
    let asked = driver.asked();
    assert!(
        matches!(&asked[..], [NetEffect::ListApiKeys { request, .. }] if request.user_id.is_empty()),
        "{asked:?}"
    );
    driver.press(Key::Esc);
    assert_eq!(driver.state.mode(), Mode::Users);
    // Whoever is no admin has no such key.
    let mut driver = signed_in(start(Look::default(), (100, 24)), "zhangwei", Role::User);
    driver.keys("K?");
    assert!(!shown(&driver).contains("of this user"));
}
