//! Changes that are not applied yet, over what the database holds.

use std::collections::HashMap;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::StoreError;
use super::engine::Engine;
use super::names::{NameKind, Names};
use super::value;

type Changes = HashMap<Vec<u8>, Option<Vec<u8>>>;

/// Two layers over the database: the batch, and the one write that is being staged, which
/// is merged into the batch or dropped as a whole.
#[derive(Debug)]
pub struct Stage<'a> {
    pub(super) engine: &'a Engine,
    names: &'a Names,
    batch: Changes,
    write: Changes,
    ops: usize,
    bytes: usize,
}

impl<'a> Stage<'a> {
    /// Nothing staged.
    pub fn new(engine: &'a Engine, names: &'a Names) -> Self {
        Self {
            engine,
            names,
            batch: Changes::new(),
            write: Changes::new(),
            ops: 0,
            bytes: 0,
        }
    }

    /// Takes the write into the batch.
    pub fn keep(&mut self, ops: usize) {
        self.ops += ops;
        self.bytes += self.write.values().flatten().map(Vec::len).sum::<usize>();
        self.batch.extend(self.write.drain());
    }

    /// Drops the write.
    pub fn drop_write(&mut self) {
        self.write.clear();
    }

    /// Operations and bytes in the batch.
    pub const fn size(&self) -> (usize, usize) {
        (self.ops, self.bytes)
    }

    /// Hands the batch to the database.
    pub fn apply(&mut self) -> Result<(), StoreError> {
        self.ops = 0;
        self.bytes = 0;
        let batch = std::mem::take(&mut self.batch);
        if batch.is_empty() {
            return Ok(());
        }
        // Before the lines that refer to them can be read.
        self.names.learn(&batch);
        self.engine.apply(batch)
    }

    /// The value of a key, as it will be.
    pub fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        if let Some(value) = self.write.get(key).or_else(|| self.batch.get(key)) {
            return Ok(value.clone());
        }
        Ok(self.engine.get(key)?.map(|v| v.to_vec()))
    }

    /// The structure under a key, as it will be.
    pub fn read<T: DeserializeOwned>(
        &self,
        key: &[u8],
        what: &str,
    ) -> Result<Option<T>, StoreError> {
        self.get(key)?
            .map(|v| value::decode(self.engine, &v, || what.to_owned()))
            .transpose()
    }

    /// Sets a key.
    pub fn put(&mut self, key: Vec<u8>, value: Vec<u8>) {
        self.write.insert(key, Some(value));
    }

    /// Sets a key to a structure.
    pub fn write<T: Serialize>(&mut self, key: Vec<u8>, value: &T) -> Result<(), StoreError> {
        let value = value::encode(self.engine, value)?;
        self.put(key, value);
        Ok(())
    }

    /// Removes a key.
    pub fn remove(&mut self, key: Vec<u8>) {
        self.write.insert(key, None);
    }

    /// Sets a key to a value that may be long.
    pub fn put_long(&mut self, key: &[u8], bytes: &[u8]) -> Result<(), StoreError> {
        self.remove_long(key)?;
        self.put_new_long(key, bytes);
        Ok(())
    }

    /// The same where nothing stood.
    pub fn put_new_long(&mut self, key: &[u8], bytes: &[u8]) {
        self.write.extend(
            value::chunks(key, bytes)
                .into_iter()
                .map(|(k, v)| (k, Some(v))),
        );
    }

    /// Removes a value that may be long; false if there was none.
    pub fn remove_long(&mut self, key: &[u8]) -> Result<bool, StoreError> {
        let Some(first) = self.get(&value::chunk_key(key, 0))? else {
            return Ok(false);
        };
        for n in 0..value::chunk_count(&first).unwrap_or(u8::MAX) {
            self.remove(value::chunk_key(key, n));
        }
        Ok(true)
    }

    /// The number of a name; `next` counts the numbers given out.
    pub fn number(
        &mut self,
        kind: NameKind,
        name: &[u8],
        next: &mut u32,
    ) -> Result<u32, StoreError> {
        if let Some(number) = self.names.number(kind, name) {
            return Ok(number);
        }
        let by_name = kind.by_name(name);
        if let Some(number) = self.read(&by_name, "a name's number")? {
            return Ok(number);
        }
        let (what, limit) = kind.limit();
        if *next as usize >= limit {
            return Err(StoreError::TooLarge {
                what,
                size: *next as usize + 1,
                limit,
            });
        }
        let number = *next;
        *next += 1;
        self.write(by_name, &number)?;
        self.put(kind.by_number(number), name.to_vec());
        Ok(number)
    }
}
