//! Names and numbers of this machine's users, out of /etc/passwd: there is no name service
//! in a static binary.

/// The number of a user.
pub(super) fn uid_of(name: &str) -> Option<u32> {
    users().find(|(user, _)| user == name).map(|(_, uid)| uid)
}

/// The name of a user.
pub(super) fn name_of(uid: u32) -> Option<String> {
    users().find(|(_, user)| *user == uid).map(|(name, _)| name)
}

fn users() -> impl Iterator<Item = (String, u32)> {
    let text = std::fs::read_to_string("/etc/passwd").unwrap_or_default();
    read(&text).into_iter()
}

fn read(text: &str) -> Vec<(String, u32)> {
    text.lines()
        .filter_map(|line| {
            let mut fields = line.split(':');
            let name = fields.next().filter(|name| !name.is_empty())?;
            let uid = fields.nth(1)?.parse().ok()?;
            Some((name.to_owned(), uid))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::read;

    #[test]
    fn lines_that_are_no_users_are_left_out() {
        let text = "root:x:0:0:root:/root:/bin/sh\n# comment\n+@nis\nanna:x:1001:100::/home/anna:\nbad:x:many:0::\n";
        assert_eq!(
            read(text),
            [("root".to_owned(), 0), ("anna".to_owned(), 1001)]
        );
    }
}
