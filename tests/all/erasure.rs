//! What opens a victim's identity from copies of disks and backups, and what no longer does
//! (docs/keyring.md, "What an erasure reaches"). Whoever has a copy is granted more than thieves have:
//! every frame that ever crossed the wire, decrypted, and the passphrases of the archives.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use liaison_node::backup::{Entries, Entry, Opener, Secret as Passphrase};
use liaison_node::keyring::{Keyring, MasterKey};
use liaison_protocol::id::{AgencyId, RecordId};
use liaison_protocol::record::signed::SignedRecord;
use liaison_protocol::seal::{self, Secret, Wrap, frame};
use liaison_tests::Federation;
use liaison_tests::TestNode;
use liaison_tests::federation::OPEN;
use liaison_tests::sealed::{closed, marked, name_in, opens, seal, stands_in};

const NAME: &str = "Quittenmarke Zwetschge";
const WORDS: &str = "correct horse battery staple";

/// What somebody recorded on the wire: the record, and its wraps.
struct Wire {
    id: RecordId,
    record: SignedRecord,
    wraps: Vec<Wrap>,
}

impl Wire {
    /// All that a node sent.
    fn of(author: &TestNode, id: RecordId) -> Self {
        let mut record = None;
        let mut wraps = Vec::new();
        for frame in author.tap.frames() {
            for bytes in frame.records() {
                let Ok((found, wrap)) = frame::read(&bytes.into()) else {
                    continue;
                };
                if found.id() == id {
                    record = Some(found);
                    wraps.extend(wrap);
                }
            }
        }
        assert!(!wraps.is_empty(), "nothing was recorded");
        let record = record.expect("the record was recorded");
        Self { id, record, wraps }
    }
}

/// Copies of one machine's files, as they lay there, possibly from several media.
fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).expect("folder");
    for entry in std::fs::read_dir(from).expect("folder").flatten() {
        let (kind, to) = (entry.file_type().expect("type"), to.join(entry.file_name()));
        if kind.is_dir() {
            copy(&entry.path(), &to);
        } else if kind.is_file() {
            std::fs::copy(entry.path(), &to).expect("copied");
        }
    }
}

/// The files that an archive holds, in a folder; rows of the store in one of their own.
fn unpack(archive: &Path, to: &Path) {
    let passphrase = Passphrase::new(WORDS.as_bytes()).expect("long enough");
    let file = std::fs::File::open(archive).expect("archive");
    let mut opener = Opener::new(file, &passphrase).expect("opens");
    let (mut entries, mut rows) = (Entries::default(), Vec::new());
    while let Some(chunk) = opener.next_chunk().expect("whole") {
        entries.feed(&chunk);
        while let Some(entry) = entries.next_entry().expect("whole") {
            match entry {
                Entry::File { path, bytes, .. } => append(&to.join(path), &bytes),
                Entry::Rows(page) => page.iter().for_each(|(key, value)| {
                    rows.extend_from_slice(key);
                    rows.extend_from_slice(value);
                }),
                _ => {}
            }
        }
    }
    append(&to.join("rows"), &rows);
}

fn append(path: &Path, bytes: &[u8]) {
    use std::io::Write as _;
    std::fs::create_dir_all(path.parent().expect("a folder")).expect("folder");
    let mut options = std::fs::OpenOptions::new();
    let file = options.create(true).append(true).open(path);
    file.expect("file").write_all(bytes).expect("written");
}

/// How the identity was got at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum How {
    /// By the secret in the keyring.
    Secret,
    /// By a sealing key, out of a recorded wrap.
    SealingKey,
}

/// Everything that anybody could try with these files and what was recorded.
fn ways(files: &Path, agency: &AgencyId, wire: &Wire) -> BTreeSet<How> {
    let mut ways = BTreeSet::new();
    let opened = |secret: &Secret| {
        let inside = seal::open_record(wire.record.unverified(), secret).ok()?;
        let name = inside.identity()?.names.first()?.expose().to_owned();
        assert_eq!(name, NAME);
        Some(())
    };
    let dir = files.join("keyring");
    let master = MasterKey::from_file(&files.join("keys/keyring.key"));
    let keyring = match master {
        Ok(master) if dir.join("master").exists() => {
            let keyring = Keyring::open(&dir, &master).expect("its own master key");
            Some(keyring)
        }
        _ => None,
    };
    if let Some(keyring) = keyring {
        if let Some(entry) = keyring.get(&wire.id).expect("keyring")
            && opened(&entry.secret).is_some()
        {
            ways.insert(How::Secret);
        }
        for wrap in &wire.wraps {
            if let Ok(secret) = keyring.open_wrap(wrap, agency, &wire.id)
                && opened(&secret).is_some()
            {
                ways.insert(How::SealingKey);
            }
        }
    }
    ways
}

/// Whether bytes stand anywhere in the files of a folder.
fn anywhere(dir: &Path, bytes: &[u8]) -> bool {
    std::fs::read_dir(dir)
        .expect("folder")
        .flatten()
        .any(|entry| {
            let path = entry.path();
            match path.is_dir() {
                true => anywhere(&path, bytes),
                false => stands_in(&std::fs::read(&path).expect("file"), bytes),
            }
        })
}

/// Takes archives of a running node: store with keys, keys alone, keyring alone.
async fn archives(node: &TestNode, to: &Path) {
    std::fs::create_dir_all(to).expect("folder");
    let key = to.join("backup.key");
    std::fs::write(&key, WORDS).expect("key file");
    let key = key.to_string_lossy();
    for (name, option) in [
        ("store", "--with-keys"),
        ("keys", "--only-keys"),
        ("keyring", "--keyring"),
    ] {
        let file = to.join(name);
        let args = [
            "backup",
            &file.to_string_lossy(),
            "--key-file",
            &key,
            option,
        ]
        .map(str::to_owned);
        let args: Vec<&str> = args.iter().map(String::as_str).collect();
        node.cli(&args).await.expect_code(0);
    }
}

/// A folder with what lies in these archives together.
fn together(archives: &Path, which: &[&str], to: PathBuf) -> PathBuf {
    for name in which {
        unpack(&archives.join(name), &to);
    }
    to
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_opens_the_identity_after_erasure_and_retirement_and_the_list_says_what_does_before()
 {
    let federation = Federation::mesh(&["a", "b"], OPEN).await;
    let [a, b] = ["a", "b"].map(|n| &federation[n]);
    let copies = federation.dir().join("copies");
    let take = async |when: &str| {
        for node in [a, b] {
            let to = copies.join(when).join(&node.name);
            archives(node, &to.join("archives")).await;
            copy(node.home.dir(), &to.join("home"));
        }
    };
    take("before it was sent").await;
    let id = seal(a, &[b], marked(NAME)).await;
    opens(b, &id).await;
    federation.settled().await;
    let secret = a.node().vault.keyring().get(&id).expect("keyring");
    let secret = secret.expect("a secret").secret;
    take("while it is held").await;
    let args = [
        "retract",
        &id.full(),
        "--reason",
        "consent-withdrawn",
        "--yes",
    ];
    a.cli(&args).await.expect_code(0);
    closed(b, &id).await;
    federation.settled().await;
    take("after the erasure").await;
    let wire = Wire::of(a, id);
    for node in [a, b] {
        node.cli(&["keys", "erase", "--now", "--yes"])
            .await
            .expect_code(0);
    }
    take("after the retirement").await;
    assert_eq!(name_in(b, &id), None);

    use How::{SealingKey, Secret as InKeyring};
    let all = |ways: &[How]| ways.iter().copied().collect::<BTreeSet<_>>();
    // When, whose copy, what opens it out of the home folder, or out of all archives together.
    let table = [
        ("before it was sent", "a", all(&[])),
        ("before it was sent", "b", all(&[SealingKey])),
        ("while it is held", "a", all(&[InKeyring])),
        ("while it is held", "b", all(&[InKeyring, SealingKey])),
        ("after the erasure", "a", all(&[])),
        ("after the erasure", "b", all(&[SealingKey])),
        ("after the retirement", "a", all(&[])),
        ("after the retirement", "b", all(&[])),
    ];
    for (when, name, expected) in table {
        let place = copies.join(when).join(name);
        let agency = federation[name].agency;
        let what = format!("{name}, {when}");
        assert_eq!(
            ways(&place.join("home"), &agency, &wire),
            expected,
            "home of {what}"
        );
        let archives = place.join("archives");
        let scratch = |n: &str| copies.join("scratch").join(when).join(name).join(n);
        let every = together(&archives, &["store", "keyring"], scratch("every"));
        assert_eq!(ways(&every, &agency, &wire), expected, "archives of {what}");
        let two = together(&archives, &["keys", "keyring"], scratch("two"));
        assert_eq!(
            ways(&two, &agency, &wire),
            expected,
            "keys and keyring of {what}"
        );
        // Neither the store with all keys nor the keyring without its master key opens anything.
        for one in ["store", "keys", "keyring"] {
            let one_alone = together(&archives, &[one], scratch(one));
            assert_eq!(
                ways(&one_alone, &agency, &wire),
                all(&[]),
                "{one} archive of {what}"
            );
        }
        // And in clear it lies nowhere, neither the name nor what opens it.
        for part in [place.join("home"), every, two] {
            assert!(!anywhere(&part, NAME.as_bytes()), "{what}: the name");
            assert!(!anywhere(&part, secret.as_bytes()), "{what}: the secret");
        }
    }
}
