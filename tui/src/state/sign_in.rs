//! Owns the gate: signing in, and the password that must be set before anything else.

use vision_batch::v1;

use super::effect::NetEffect;
use super::field::Field;
use super::refusal::Refusal;
use crate::keymap::{Action, Key};

/// What stands before the screens.
#[derive(Debug)]
pub(crate) enum Gate {
    /// A stored session is being resumed.
    Resuming,
    SignIn(SignIn),
    NewPassword(NewPassword),
}

/// The form for signing in.
#[derive(Debug, Default)]
pub(crate) struct SignIn {
    /// Absent when there is only the server that was handed in.
    pub(crate) server: Option<Field>,
    pub(crate) username: Field,
    pub(crate) password: Field,
    /// 0 server, 1 user, 2 password.
    pub(crate) focus: usize,
    pub(crate) busy: bool,
    pub(crate) refusal: Option<Refusal>,
    /// Whether a session ended by itself: the form lies over the view it ended in.
    pub(crate) session_ended: bool,
    /// Who is signed in by a kept session that was good again while a password was being typed: what is typed must not fall
    /// through into the screens behind.
    pub(crate) resumed: Option<Box<v1::User>>,
}

/// The form for a new password.
#[derive(Debug, Default)]
pub(crate) struct NewPassword {
    /// The password that stands; known from the sign-in just before, else to be typed.
    pub(crate) current: Field,
    pub(crate) current_known: bool,
    pub(crate) new: Field,
    pub(crate) again: Field,
    /// 0 current, 1 new, 2 again.
    pub(crate) focus: usize,
    pub(crate) busy: bool,
    pub(crate) problem: Option<PasswordProblem>,
}

/// Why a new password is not taken.
#[derive(Debug)]
pub(crate) enum PasswordProblem {
    Empty,
    Different,
    Same,
    Refused(Refusal),
}

impl SignIn {
    /// An empty form for a server (an empty one: the one that was handed in); the first empty field has the cursor.
    pub(crate) fn new(server: &str, username: &str, session_ended: bool) -> Self {
        let focus = if username.is_empty() { 1 } else { 2 };
        Self {
            server: (!server.is_empty()).then(|| Field::new(server)),
            username: Field::new(username),
            focus,
            session_ended,
            ..Self::default()
        }
    }

    fn field(&mut self) -> &mut Field {
        match self.focus {
            0 => self.server.get_or_insert_default(),
            1 => &mut self.username,
            _ => &mut self.password,
        }
    }

    fn submit(&mut self) -> Option<NetEffect> {
        let server = self.server.as_ref().map_or("", |field| field.text().trim());
        let missing = [
            self.server.is_some() && server.is_empty(),
            self.username.text().trim().is_empty(),
            self.password.text().is_empty(),
        ]
        .iter()
        .position(|missing| *missing);
        if let Some(field) = missing {
            self.focus = field;
            return None;
        }
        let server = server.to_owned();
        self.busy = true;
        self.refusal = None;
        Some(NetEffect::SignIn {
            server,
            username: self.username.text().trim().to_owned(),
            password: self.password.text().to_owned(),
        })
    }
}

impl NewPassword {
    /// A form that knows the password that stands, or asks for it when it is empty.
    pub(crate) fn new(current: &str) -> Self {
        Self {
            current: Field::new(current),
            current_known: !current.is_empty(),
            focus: usize::from(!current.is_empty()),
            ..Self::default()
        }
    }

    fn field(&mut self) -> &mut Field {
        match self.focus {
            0 => &mut self.current,
            1 => &mut self.new,
            _ => &mut self.again,
        }
    }

    fn first(&self) -> usize {
        usize::from(self.current_known)
    }

    fn submit(&mut self) -> Option<NetEffect> {
        let (current, new, again) = (self.current.text(), self.new.text(), self.again.text());
        let problem = if current.is_empty() || new.is_empty() {
            Some(PasswordProblem::Empty)
        } else if new != again {
            Some(PasswordProblem::Different)
        } else if new == current {
            Some(PasswordProblem::Same)
        } else {
            None
        };
        if problem.is_some() {
            self.problem = problem;
            return None;
        }
        let effect = NetEffect::ChangePassword {
            current: current.to_owned(),
            new: new.to_owned(),
        };
        self.busy = true;
        self.problem = None;
        Some(effect)
    }
}

impl Gate {
    /// Applies an action of the form.
    pub(crate) fn act(&mut self, action: Action) -> Option<NetEffect> {
        let (focus, first, busy) = match self {
            Self::Resuming => return None,
            Self::SignIn(form) => {
                let first = usize::from(form.server.is_none());
                (&mut form.focus, first, form.busy)
            }
            Self::NewPassword(form) => {
                let first = form.first();
                (&mut form.focus, first, form.busy)
            }
        };
        if busy {
            return None;
        }
        match action {
            Action::NextField => *focus = if *focus >= 2 { first } else { *focus + 1 },
            Action::PreviousField => *focus = if *focus <= first { 2 } else { *focus - 1 },
            // Enter goes through the fields and sends from the last.
            Action::Submit if *focus < 2 => *focus += 1,
            Action::Submit => {
                return match self {
                    Self::Resuming => None,
                    Self::SignIn(form) => form.submit(),
                    Self::NewPassword(form) => form.submit(),
                };
            }
            _ => {}
        }
        None
    }

    /// Applies a key of typing.
    pub(crate) fn edit(&mut self, key: Key) {
        match self {
            Self::SignIn(form) if !form.busy => {
                form.field().edit(key);
            }
            Self::NewPassword(form) if !form.busy => {
                form.field().edit(key);
            }
            _ => {}
        }
    }

    /// Puts pasted text in.
    pub(crate) fn paste(&mut self, text: &str) {
        let text = text.trim_end_matches(['\r', '\n']);
        match self {
            Self::SignIn(form) if !form.busy => form.field().insert(text),
            Self::NewPassword(form) if !form.busy => form.field().insert(text),
            _ => {}
        }
    }
}
