//! What was measured, printed as it comes and as one table at the end.

use std::time::Instant;

/// The figures so far.
#[derive(Default)]
pub struct Table {
    strict: f64,
    rows: Vec<[String; 4]>,
}

/// A stretch of work: how long it took, and how much of all cores.
pub struct Work {
    began: Instant,
    cpu_s: f64,
}

impl Work {
    /// Begins now.
    pub fn begin() -> Self {
        Self {
            began: Instant::now(),
            cpu_s: cpu_seconds(),
        }
    }

    /// Seconds of wall clock, since.
    pub fn elapsed_s(&self) -> f64 {
        self.began.elapsed().as_secs_f64()
    }

    /// Seconds of wall clock and of processor, since.
    pub fn end(self) -> (f64, f64) {
        (
            self.began.elapsed().as_secs_f64(),
            cpu_seconds() - self.cpu_s,
        )
    }
}

impl Table {
    /// Strict checks a second, the measure of all other rates.
    pub fn strict(&mut self, rate: f64, cpu_us: f64) {
        self.strict = rate;
        self.row(
            "Ed25519 strict, one core",
            format!(
                "{} records/s, {cpu_us:.0} us of processor each",
                grouped(rate)
            ),
            "1.00",
            "",
        );
    }

    /// A rate over `count` records, beside the strict one.
    pub fn rate(&mut self, what: &str, count: usize, work: Work, aim: Option<f64>) {
        let (wall, cpu) = work.end();
        let rate = count as f64 / wall;
        let ratio = rate / self.strict;
        let value = format!(
            "{} records/s, {:.0} us of processor each",
            grouped(rate),
            cpu * 1e6 / count as f64
        );
        let aim = aim.map_or(String::new(), |aim| {
            format!(">= {aim:.1} {}", met(ratio >= aim))
        });
        self.row(what, value, &format!("{ratio:.2}"), &aim);
    }

    /// A rate that has no aim.
    pub fn plain_rate(&mut self, what: &str, count: usize, seconds: f64) {
        let value = format!("{}/s", grouped(count as f64 / seconds));
        self.row(what, value, "", "");
    }

    /// A figure that should stay below its aim, both in `unit`.
    pub fn below(&mut self, what: &str, value: f64, unit: &str, aim: Option<f64>) {
        let aim = aim.map_or(String::new(), |aim| {
            format!("< {} {unit} {}", shown(aim), met(value < aim))
        });
        self.row(what, format!("{} {unit}", shown(value)), "", &aim);
    }

    /// A ratio that should reach its aim.
    pub fn above(&mut self, what: &str, value: f64, aim: f64) {
        let aim = format!(">= {} {}", shown(aim), met(value >= aim));
        self.row(what, shown(value), "", &aim);
    }

    /// Any figure.
    pub fn row(&mut self, what: &str, value: String, ratio: &str, aim: &str) {
        let row = [what.to_owned(), value, ratio.to_owned(), aim.to_owned()];
        eprintln!("{}", row.join("  "));
        self.rows.push(row);
    }

    /// Prints all of it.
    pub fn print(&self) {
        let head = ["figure", "value", "of strict", "aim"].map(String::from);
        let all = || std::iter::once(&head).chain(&self.rows);
        let width = |at: usize| all().map(|r| r[at].chars().count()).max().unwrap_or(0);
        let widths = [0, 1, 2].map(width);
        println!();
        for [what, value, ratio, aim] in all() {
            let [a, b, c] = widths;
            println!("{what:a$}  {value:b$}  {ratio:c$}  {aim}");
        }
    }
}

/// Whether an aim was met, in a word.
pub fn met(met: bool) -> &'static str {
    if met { "(met)" } else { "(MISSED)" }
}

fn shown(value: f64) -> String {
    if value < 100.0 {
        format!("{value:.2}")
    } else {
        grouped(value)
    }
}

/// With commas between thousands.
pub fn grouped(value: f64) -> String {
    let digits = format!("{value:.0}");
    let mut out = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// The value at a share of the sorted values, 0.5: the median.
pub fn quantile(values: &mut [f64], share: f64) -> f64 {
    values.sort_by(f64::total_cmp);
    let at = (values.len() as f64 * share) as usize;
    values
        .get(at.min(values.len().saturating_sub(1)))
        .copied()
        .unwrap_or(f64::NAN)
}

/// Seconds of processor that this process used, in ticks of 10 ms. 0 where /proc is absent.
fn cpu_seconds() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let after_name = stat.rsplit(')').next().unwrap_or_default();
    let ticks = after_name.split_whitespace().skip(11).take(2);
    ticks.filter_map(|t| t.parse::<f64>().ok()).sum::<f64>() / 100.0
}
