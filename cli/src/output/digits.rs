//! The 30 digits of a fingerprint, large enough to be read out from across a desk.

/// Rows of a digit; each is three columns wide. Bit 2 is the left column.
const FONT: [[u8; 5]; 10] = [
    [7, 5, 5, 5, 7],
    [2, 6, 2, 2, 7],
    [7, 1, 7, 4, 7],
    [7, 1, 7, 1, 7],
    [5, 5, 7, 1, 1],
    [7, 4, 7, 1, 7],
    [7, 4, 7, 5, 7],
    [7, 1, 1, 2, 2],
    [7, 5, 7, 5, 7],
    [7, 5, 7, 1, 7],
];

/// Groups of five digits on one line: three fit 80 columns.
const GROUPS_A_LINE: usize = 3;

/// The digits as blocks, with the same digits in plain text below each line. Anything but
/// digits parts groups.
pub fn large(fingerprint: &str) -> String {
    let groups: Vec<&str> = fingerprint
        .split(|c: char| !c.is_ascii_digit())
        .filter(|g| !g.is_empty())
        .collect();
    let mut out = String::new();
    for line in groups.chunks(GROUPS_A_LINE) {
        for row in 0..5 {
            let blocks: Vec<String> = line.iter().map(|group| row_of(group, row)).collect();
            out.push_str(format!("  {}", blocks.join("    ")).trim_end());
            out.push('\n');
        }
        let plain: Vec<String> = line.iter().map(|group| spaced(group)).collect();
        out.push_str(format!("  {}", plain.join("    ")).trim_end());
        out.push_str("\n\n");
    }
    out
}

fn row_of(group: &str, row: usize) -> String {
    let digits = group
        .bytes()
        .filter_map(|b| FONT.get(usize::from(b.wrapping_sub(b'0'))));
    let blocks: Vec<String> = digits
        .filter_map(|digit| digit.get(row))
        .map(|bits| {
            [4, 2, 1]
                .iter()
                .map(|bit| if bits & bit == 0 { ' ' } else { '█' })
                .collect()
        })
        .collect();
    blocks.join(" ")
}

fn spaced(group: &str) -> String {
    let digits: Vec<String> = group.chars().map(|digit| format!(" {digit} ")).collect();
    digits.join(" ")
}

#[cfg(test)]
mod tests {
    use super::large;

    #[test]
    fn thirty_digits_fit_eighty_columns() {
        let text = large("01234 56789 01234 56789 01234 56789");
        assert!(text.lines().all(|line| line.chars().count() <= 80));
        let first: String = text
            .lines()
            .take(6)
            .map(|line| format!("{line}\n"))
            .collect();
        insta::assert_snapshot!(first, @r"
        ███  █  ███ ███ █ █    ███ ███ ███ ███ ███    ███  █  ███ ███ █ █
        █ █ ██    █   █ █ █    █   █     █ █ █ █ █    █ █ ██    █   █ █ █
        █ █  █  ███ ███ ███    ███ ███   █ ███ ███    █ █  █  ███ ███ ███
        █ █  █  █     █   █      █ █ █  █  █ █   █    █ █  █  █     █   █
        ███ ███ ███ ███   █    ███ ███  █  ███ ███    ███ ███ ███ ███   █
         0   1   2   3   4      5   6   7   8   9      0   1   2   3   4
        ");
    }
}
