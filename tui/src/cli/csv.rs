//! Owns the reading of users from CSV (RFC 4180): every line is looked at, and every mistake is told with its place.
//!
//! Not here: making them (`super::admin`), and what the server knows better (whether a name is taken).

use std::collections::HashMap;

use vision_batch::v1;

/// Most credits a user can have; the server's limit.
const CREDITS_MOST: i32 = 1_000_000_000;
/// Most characters of a username, and of a name to show; the contract's limits.
const USERNAME_CHARACTERS: usize = 64;
const NAME_CHARACTERS: usize = 200;

/// A user to be made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// Where it begins in the file, from 1.
    pub line: usize,
    /// What is asked of the server.
    pub user: v1::CreateUserRequest,
}

/// Something that is wrong in a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CsvProblem {
    /// The line, from 1.
    pub line: usize,
    /// The name of the column, or its number where it has none; nothing when the line as a whole is wrong.
    pub column: Option<String>,
    /// What.
    pub flaw: CsvFlaw,
}

/// What can be wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CsvFlaw {
    /// There is nothing in it.
    Empty,
    /// The file ends within quotes.
    OpenQuote,
    /// Something stands between a closing quote and the next comma.
    QuoteWithin,
    /// A column nobody knows.
    UnknownColumn(String),
    /// A column that is named twice.
    ColumnTwice(String),
    /// The one column that must be there is not.
    NoUsername,
    /// A line has more or fewer cells than the first.
    Cells {
        /// Its cells.
        found: usize,
        /// Those of the first.
        wanted: usize,
    },
    /// No username.
    UsernameInvalid(String),
    /// A username that is in the file already, and the line of that.
    UsernameTwice(String, usize),
    /// Neither user nor admin.
    RoleInvalid(String),
    /// No number of credits.
    CreditsInvalid(String),
    /// Neither en nor zh.
    LanguageInvalid(String),
    /// A name to show that is too long.
    NameTooLong,
    /// A first password of fewer characters than so many.
    PasswordTooShort(usize),
}

/// A line of cells.
struct Line {
    number: usize,
    cells: Vec<String>,
}

/// The users of a file.
///
/// # Errors
/// Everything that is wrong in it, by line; at least one thing.
pub fn users(text: &str, password_least: usize) -> Result<Vec<Row>, Vec<CsvProblem>> {
    let lines = lines(text).map_err(|problem| vec![problem])?;
    let Some((header, lines)) = lines.split_first() else {
        return Err(vec![CsvProblem {
            line: 1,
            column: None,
            flaw: CsvFlaw::Empty,
        }]);
    };
    let columns = columns(header)?;
    let mut problems = Vec::new();
    let mut rows = Vec::new();
    let mut seen: HashMap<String, usize> = HashMap::new();
    for line in lines {
        if line.cells.len() != columns.len() {
            problems.push(CsvProblem {
                line: line.number,
                column: None,
                flaw: CsvFlaw::Cells {
                    found: line.cells.len(),
                    wanted: columns.len(),
                },
            });
            continue;
        }
        let mut user = v1::CreateUserRequest::default();
        for (column, cell) in columns.iter().zip(&line.cells) {
            let taken = take(&mut user, *column, cell, password_least);
            let once = taken.and_then(|()| match column {
                Column::Username => {
                    // The server compares more loosely still; whom it finds then is told as being there already.
                    match seen.insert(user.username.to_lowercase(), line.number) {
                        Some(first) => Err(CsvFlaw::UsernameTwice(user.username.clone(), first)),
                        None => Ok(()),
                    }
                }
                _ => Ok(()),
            });
            if let Err(flaw) = once {
                problems.push(CsvProblem {
                    line: line.number,
                    column: Some(column.name().to_owned()),
                    flaw,
                });
            }
        }
        rows.push(Row {
            line: line.number,
            user,
        });
    }
    if problems.is_empty() {
        Ok(rows)
    } else {
        Err(problems)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Column {
    Username,
    DisplayName,
    Role,
    Credits,
    Language,
    Password,
}

impl Column {
    const ALL: [Self; 6] = [
        Self::Username,
        Self::DisplayName,
        Self::Role,
        Self::Credits,
        Self::Language,
        Self::Password,
    ];

    const fn name(self) -> &'static str {
        match self {
            Self::Username => "username",
            Self::DisplayName => "display_name",
            Self::Role => "role",
            Self::Credits => "credits",
            Self::Language => "language",
            Self::Password => "password",
        }
    }
}

fn columns(header: &Line) -> Result<Vec<Column>, Vec<CsvProblem>> {
    let mut columns = Vec::new();
    let mut problems = Vec::new();
    for (index, cell) in header.cells.iter().enumerate() {
        let name = cell.trim().to_lowercase();
        let flaw = match Column::ALL.into_iter().find(|one| one.name() == name) {
            None => CsvFlaw::UnknownColumn(cell.trim().to_owned()),
            Some(column) if columns.contains(&column) => CsvFlaw::ColumnTwice(name),
            Some(column) => {
                columns.push(column);
                continue;
            }
        };
        problems.push(CsvProblem {
            line: header.number,
            column: Some((index + 1).to_string()),
            flaw,
        });
    }
    if problems.is_empty() && !columns.contains(&Column::Username) {
        problems.push(CsvProblem {
            line: header.number,
            column: None,
            flaw: CsvFlaw::NoUsername,
        });
    }
    if problems.is_empty() {
        Ok(columns)
    } else {
        Err(problems)
    }
}

fn take(
    user: &mut v1::CreateUserRequest,
    column: Column,
    cell: &str,
    password_least: usize,
) -> Result<(), CsvFlaw> {
    let text = cell.trim();
    match column {
        Column::Username => {
            text.clone_into(&mut user.username);
            let right = (1..=USERNAME_CHARACTERS).contains(&text.chars().count())
                && text
                    .chars()
                    .all(|c| c.is_alphanumeric() || "._-@".contains(c));
            if !right {
                return Err(CsvFlaw::UsernameInvalid(text.to_owned()));
            }
        }
        Column::DisplayName => {
            if text.chars().count() > NAME_CHARACTERS {
                return Err(CsvFlaw::NameTooLong);
            }
            text.clone_into(&mut user.display_name);
        }
        Column::Role => {
            user.role = match text.to_lowercase().as_str() {
                "" | "user" => v1::user::Role::User,
                "admin" => v1::user::Role::Admin,
                _ => return Err(CsvFlaw::RoleInvalid(text.to_owned())),
            }
            .into();
        }
        Column::Credits if text.is_empty() => {}
        Column::Credits => {
            let credits = text.parse::<i32>().ok();
            user.credits = credits.filter(|credits| (0..=CREDITS_MOST).contains(credits));
            if user.credits.is_none() {
                return Err(CsvFlaw::CreditsInvalid(text.to_owned()));
            }
        }
        Column::Language => {
            if !["", "en", "zh"].contains(&text) {
                return Err(CsvFlaw::LanguageInvalid(text.to_owned()));
            }
            text.clone_into(&mut user.language);
        }
        // Spaces may belong to it.
        Column::Password if cell.is_empty() => {}
        Column::Password => {
            if cell.chars().count() < password_least {
                return Err(CsvFlaw::PasswordTooShort(password_least));
            }
            user.password = Some(cell.to_owned());
        }
    }
    Ok(())
}

/// The lines that have anything in them. A cell in quotes may hold commas and ends of lines; a quote in it is written twice.
fn lines(text: &str) -> Result<Vec<Line>, CsvProblem> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut lines = Vec::new();
    let mut characters = text.chars().peekable();
    let mut number = 1;
    while characters.peek().is_some() {
        let first = number;
        let mut cells = vec![String::new()];
        // Quotes were closed in this cell: nothing but its end may follow.
        let mut closed = false;
        loop {
            let at = cells.len() - 1;
            let wrong = |line: usize, flaw: CsvFlaw| CsvProblem {
                line,
                column: Some((at + 1).to_string()),
                flaw,
            };
            match characters.next() {
                None => break,
                Some('\r') if characters.peek() == Some(&'\n') => {}
                Some('\n') => {
                    number += 1;
                    break;
                }
                Some(',') => {
                    cells.push(String::new());
                    closed = false;
                }
                Some(_) if closed => return Err(wrong(number, CsvFlaw::QuoteWithin)),
                Some('"') if cells[at].is_empty() => {
                    let opened = number;
                    loop {
                        match characters.next() {
                            None => return Err(wrong(opened, CsvFlaw::OpenQuote)),
                            Some('"') if characters.peek() == Some(&'"') => {
                                characters.next();
                                cells[at].push('"');
                            }
                            Some('"') => break,
                            Some(character) => {
                                number += usize::from(character == '\n');
                                cells[at].push(character);
                            }
                        }
                    }
                    closed = true;
                }
                Some(character) => cells[at].push(character),
            }
        }
        if cells.iter().any(|cell| !cell.trim().is_empty()) {
            lines.push(Line {
                number: first,
                cells,
            });
        }
    }
    Ok(lines)
}

/// A cell as it is written: in quotes where it must be.
#[must_use]
pub fn cell(text: &str) -> String {
    if text.contains(['"', ',', '\n', '\r']) {
        format!("\"{}\"", text.replace('"', "\"\""))
    } else {
        text.to_owned()
    }
}

#[cfg(test)]
#[allow(
    clippy::unwrap_used,
    reason = "a test may stop at what it did not expect"
)]
mod tests {
    use super::*;

    fn problems(text: &str) -> Vec<(usize, Option<String>, CsvFlaw)> {
        users(text, 12)
            .unwrap_err()
            .into_iter()
            .map(|problem| (problem.line, problem.column, problem.flaw))
            .collect()
    }

    #[test]
    fn users_are_read_as_spreadsheets_write_them() {
        let text = "\u{feff}Username, role,credits,display_name,password\r\n\
                    wang.fang,,,\"王芳, \"\"小王\"\"\n二\",\r\n\
                    \r\n\
                    李明,admin,0,,\"with, comma and \"\r\n";
        let rows = users(text, 12).unwrap();
        assert_eq!(rows.len(), 2);
        assert_eq!((rows[0].line, rows[1].line), (2, 5));
        assert_eq!(rows[0].user.display_name, "王芳, \"小王\"\n二");
        assert_eq!(rows[0].user.credits, None);
        assert_eq!(rows[0].user.password, None);
        assert_eq!(rows[0].user.role(), v1::user::Role::User);
        assert_eq!(rows[1].user.username, "李明");
        assert_eq!(rows[1].user.credits, Some(0));
        assert_eq!(rows[1].user.role(), v1::user::Role::Admin);
        assert_eq!(rows[1].user.password.as_deref(), Some("with, comma and "));
        assert!(users("username\n", 12).unwrap().is_empty());
    }

    #[test]
    fn every_mistake_is_told_with_its_line_and_column() {
        let text = "username,role,credits,password,language\n\
                    wang fang,boss,-1,short,de\n\
                    li,user\n\
                    zhao,,many,,\n\
                    Zhao,,,,\n";
        let column = |name: &str| Some(name.to_owned());
        assert_eq!(
            problems(text),
            [
                (
                    2,
                    column("username"),
                    CsvFlaw::UsernameInvalid("wang fang".into())
                ),
                (2, column("role"), CsvFlaw::RoleInvalid("boss".into())),
                (2, column("credits"), CsvFlaw::CreditsInvalid("-1".into())),
                (2, column("password"), CsvFlaw::PasswordTooShort(12)),
                (2, column("language"), CsvFlaw::LanguageInvalid("de".into())),
                (
                    3,
                    None,
                    CsvFlaw::Cells {
                        found: 2,
                        wanted: 5
                    }
                ),
                (4, column("credits"), CsvFlaw::CreditsInvalid("many".into())),
                (
                    5,
                    column("username"),
                    CsvFlaw::UsernameTwice("Zhao".into(), 4)
                ),
            ]
        );
        assert_eq!(problems(""), [(1, None, CsvFlaw::Empty)]);
        assert_eq!(problems("role\nuser\n"), [(1, None, CsvFlaw::NoUsername)]);
        assert_eq!(
            problems("username,group,username\n"),
            [
                (1, column("2"), CsvFlaw::UnknownColumn("group".into())),
                (1, column("3"), CsvFlaw::ColumnTwice("username".into())),
            ]
        );
        assert_eq!(
            problems("username\n\"wang\nli\n"),
            [(2, column("1"), CsvFlaw::OpenQuote)]
        );
        assert_eq!(
            problems("username\n\"wang\"fang\n"),
            [(2, column("1"), CsvFlaw::QuoteWithin)]
        );
    }

    #[test]
    fn what_is_written_is_read_again() {
        for text in ["plain", "with, comma", "a \"quote\"", "two\nlines"] {
            let file = format!("username,display_name\nx,{}\n", cell(text));
            assert_eq!(users(&file, 12).unwrap()[0].user.display_name, text);
        }
    }
}
