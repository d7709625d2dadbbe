//! API keys, each by its digest too, and SSH keys.

use crate::domain::books::Check;
use crate::store::StoreError;

use super::super::error::failed;
use super::super::key_operations::{key_id, read};
use super::super::{load, ssh_key_operations};
use super::{Walk, has_strays, rows};

impl Walk {
    pub(super) fn keys(&mut self) -> Result<(), StoreError> {
        let mut count = 0;
        for row in rows(&self.tables.api_keys)? {
            let (key, value) = row.map_err(failed)?;
            let (user, id) = key.value();
            count += 1;
            let place = format!("API key {}", key_id(id));
            if self.tables.users.get(user).map_err(failed)?.is_none() {
                self.differ(Check::Reference, &place, "its user does not exist");
            }
            let key = self.read(read(load::user_id(user), key_id(id), value.value()))?;
            let Some(key) = key else {
                continue;
            };
            let found = self.tables.api_key_digests.get(&key.digest);
            if found.map_err(failed)?.map(|guard| guard.value()) != Some((user, id)) {
                let words = "it is missing in the index `api_key_digests`";
                self.differ(Check::Index, &place, words);
            }
        }
        if has_strays(&self.tables.api_key_digests, count)? {
            let words = format!("there are {count} API keys, it does not have the same ones");
            self.differ(Check::Index, "api_key_digests", words);
        }
        self.inspector.compared("API keys", count);
        self.ssh_keys()
    }

    fn ssh_keys(&mut self) -> Result<(), StoreError> {
        let mut count = 0;
        for row in rows(&self.tables.ssh_keys)? {
            let (key, value) = row.map_err(failed)?;
            let (user, id) = key.value();
            count += 1;
            if self.tables.users.get(user).map_err(failed)?.is_none() {
                let place = format!("SSH key {}", key_id(id));
                self.differ(Check::Reference, &place, "its user does not exist");
            }
            let user = load::user_id(user);
            self.read(ssh_key_operations::read(user, key_id(id), value.value()))?;
        }
        self.inspector.compared("SSH keys", count);
        Ok(())
    }
}
