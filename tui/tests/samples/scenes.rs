//! Scenes: the screens, and what lies over them, each with something to show.

use vbatch_tui::keymap::Key;
use vbatch_tui::state::{
    Cause, Language, Look, Message, NetEffect, NetMessage, Refusal, Stream, Ticket, TransferId,
};
use vision_batch::v1;
use vision_batch::v1::refusal::Reason;
use vision_batch::v1::upstream::TokenState;
use vision_batch::v1::user::Role;

use super::{
    Driver, NOW, answer_admin, api_keys, at, batches, list, list_of, new_batch, open_batch, quote,
    signed_in, start, user, users,
};

/// Every screen, and what lies over them.
pub const SCENES: [&str; 27] = [
    "sign_in",
    "password",
    "batches",
    "admin",
    "batch",
    "new_batch",
    "help",
    "question",
    "number",
    "real",
    "sort",
    "palette",
    "transfers",
    "users",
    "ledger",
    "credits",
    "system",
    "disable",
    "one_time",
    "audit",
    "api_keys",
    "new_key",
    "secret",
    "delete",
    "refused",
    "offline",
    "empty",
];

/// A screen as it is in the moment of the samples.
pub fn scene(name: &str, look: Look, size: (u16, u16)) -> Driver {
    let start = start(look, size);
    match name {
        "sign_in" => {
            let mut driver = Driver::new(start);
            driver.keys("zhangwei").press(Key::Enter).keys("secret");
            driver
        }
        "refused" => {
            let mut driver = Driver::new(start);
            driver.keys("zhangwei").press(Key::Enter).keys("secret");
            driver.press(Key::Enter);
            let refusal = Refusal::new(Cause::Server(Reason::CredentialsInvalid), "");
            driver.net(NetMessage::SignInRefused(refusal));
            driver
        }
        "offline" => {
            let mut driver = signed_in(start, "zhangwei", Role::User);
            driver.net(NetMessage::StreamLost {
                stream: Stream::Batches,
                refusal: Refusal::new(Cause::Unreachable, "connection refused"),
                retry_in: Some(std::time::Duration::from_secs(3)),
            });
            driver.keys("/宣传");
            driver
        }
        "empty" => {
            let mut driver = signed_in(start, "zhangwei", Role::User);
            list_of(&mut driver, Vec::new(), 0, TokenState::Ok);
            driver
        }
        "password" => {
            let mut driver = Driver::new(start);
            let mut user = user("admin", Role::Admin);
            user.password_change_required = true;
            driver.net(NetMessage::SignedIn { user });
            driver
        }
        "admin" => {
            let mut driver = signed_in(start, "admin", Role::Admin);
            list(&mut driver, batches(), TokenState::Refused);
            driver.keys("j  ");
            driver
        }
        "batch" => {
            let mut driver = signed_in(start, "zhangwei", Role::User);
            open_batch(&mut driver);
            driver
        }
        "new_batch" => {
            let mut driver = signed_in(start, "zhangwei", Role::User);
            new_batch(&mut driver);
            driver
        }
        "help" => {
            let mut driver = signed_in(start, "zhangwei", Role::User);
            open_batch(&mut driver);
            driver.keys("?");
            driver
        }
        "question" => {
            let mut driver = signed_in(start, "admin", Role::Admin);
            driver.keys("r");
            driver
        }
        "number" => {
            let mut driver = signed_in(start, "zhangwei", Role::User);
            driver.keys("*c2");
            driver
        }
        "real" => {
            let mut driver = signed_in(start, "zhangwei", Role::User);
            driver.keys("jjp");
            let number = driver.asked().into_iter().find_map(|effect| match effect {
                NetEffect::Quote { number, .. } => Some(number),
                _ => None,
            });
            driver.net(NetMessage::Quoted {
                number: number.unwrap(),
                result: Ok(quote(12)),
            });
            driver
        }
        "sort" => {
            let mut driver = signed_in(start, "zhangwei", Role::User);
            driver.keys("sjj").press(Key::Enter).keys("s");
            driver
        }
        "palette" => {
            let mut driver = signed_in(start, "zhangwei", Role::User);
            open_batch(&mut driver);
            driver.keys(match look.language {
                Language::English => ":rta",
                Language::Chinese => ":试",
            });
            driver
        }
        "transfers" => {
            let mut driver = signed_in(start, "zhangwei", Role::User);
            open_batch(&mut driver);
            driver.keys("*d");
            let later = jiff::Timestamp::from_second(NOW + 4).unwrap();
            driver.send(Message::Tick(later));
            driver.net(NetMessage::Progress {
                transfer: TransferId(1),
                done_bytes: 3 << 20,
                total_bytes: Some(4_300_000),
            });
            driver.keys("T");
            driver
        }
        "users" | "ledger" | "credits" | "system" => {
            let mut driver = signed_in(start, "admin", Role::Admin);
            driver.keys(if name == "system" { "S" } else { "u" });
            answer_admin(&mut driver);
            if name != "system" {
                driver.keys("jjj");
                answer_admin(&mut driver);
            }
            match name {
                "ledger" => drop(driver.press(Key::Enter)),
                "credits" => drop(driver.keys("+-200")),
                _ => {}
            }
            driver
        }
        "disable" | "one_time" => {
            let mut driver = signed_in(start, "admin", Role::Admin);
            driver.keys("u");
            answer_admin(&mut driver);
            driver.keys("jjj");
            answer_admin(&mut driver);
            if name == "disable" {
                driver.keys("x");
                return driver;
            }
            driver.keys("wy");
            driver.net(NetMessage::PasswordReset(Ok(Box::new(
                v1::ResetPasswordResponse {
                    user: users().pop(),
                    one_time_password: "ripe-melon-quiet-harbor".to_owned(),
                    one_time_password_expire_time: at(86_400 * 3),
                },
            ))));
            driver
        }
        "delete" => {
            let mut driver = signed_in(start, "admin", Role::Admin);
            driver.keys("*D5");
            driver
        }
        "audit" => {
            let mut driver = signed_in(start, "admin", Role::Admin);
            driver.keys("4");
            answer_admin(&mut driver);
            driver.keys("j");
            driver
        }
        "api_keys" | "new_key" | "secret" => {
            let mut driver = signed_in(start, "admin", Role::Admin);
            driver.keys("K");
            answer_admin(&mut driver);
            match name {
                "new_key" => drop(driver.keys("nnightly").press(Key::Tab).keys(" ")),
                "secret" => {
                    let response = v1::CreateApiKeyResponse {
                        api_key: api_keys().into_iter().nth(1),
                        secret: "vbk_h7m2kq03aaaabbbbccccddddeeeeffffgggghhhh".to_owned(),
                    };
                    driver.net(NetMessage::ApiKeyMade(Ticket(1), Ok(Box::new(response))));
                }
                _ => drop(driver.keys("j")),
            }
            driver
        }
        _ => signed_in(start, "zhangwei", Role::User),
    }
}
