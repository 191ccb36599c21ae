//! Counts of the prose and examples of all packages and tests, against their limits: `just house`
//! prints them.

#[path = "house/examples.rs"]
mod examples;

use std::fs;
use std::path::{Path, PathBuf};

/// Words and phrases that a reader has to decode.
const REGISTER: [&str; 19] = [
    "whoever",
    "nobody",
    "anybody",
    "somebody",
    "anew",
    "whatever",
    "besides",
    "likewise",
    "hence",
    "by itself",
    "for good",
    "as a rule",
    "under way",
    "goes on",
    "go on with",
    "so many",
    "all the same",
    "in vain",
    "tells of",
];

/// The largest number of register words in 1,000 words of comments. No summary line may start with
/// What, How, Whether, Who or Where.
const MAX_REGISTER: f64 = 1.0;

/// The folders whose comments are counted.
const FOLDERS: [&str; 16] = [
    "crates/purse/src",
    "crates/purse-client/src",
    "crates/purse-client/tests",
    "crates/purse-codec/src",
    "crates/purse-codec/tests",
    "crates/purse-collections/src",
    "crates/purse-lease/src",
    "crates/purse-redlock/src",
    "crates/purse-testkit/src",
    "crates/purse-testkit/tests",
    "crates/purse-bench/src",
    "benches",
    "examples",
    "tests/faults",
    "tests/src",
    "tests/tests",
];

#[derive(Default)]
struct Counts {
    words: usize,
    register: usize,
    summaries: usize,
    questions: Vec<String>,
    files: usize,
    longest: usize,
}

impl Counts {
    fn per_thousand(&self) -> f64 {
        1000.0 * self.register as f64 / self.words.max(1) as f64
    }

    fn add(&mut self, path: &Path) {
        let source = fs::read_to_string(path).expect("text");
        self.files += 1;
        self.longest = self.longest.max(source.lines().count());
        let mut is_in_doc = false;
        for line in source.lines().map(str::trim) {
            let Some(comment) = line.strip_prefix("//") else {
                is_in_doc = false;
                continue;
            };
            let text = comment.trim_start_matches(['/', '!']).trim();
            self.count_words(text);
            let is_doc = comment.starts_with('/');
            if is_doc && !is_in_doc {
                self.summaries += 1;
                let first = text.split_whitespace().next().unwrap_or_default();
                if matches!(first, "What" | "How" | "Whether" | "Who" | "Where") {
                    self.questions.push(format!("{}: {text}", path.display()));
                }
            }
            is_in_doc = is_doc;
        }
    }

    fn count_words(&mut self, text: &str) {
        self.words += text.split_whitespace().count();
        let text = text.to_lowercase();
        let words: Vec<_> = text
            .split(|c: char| !c.is_alphanumeric())
            .filter(|word| !word.is_empty())
            .collect();
        for phrase in REGISTER {
            let phrase: Vec<_> = phrase.split(' ').collect();
            let found = words.windows(phrase.len()).filter(|part| *part == phrase);
            self.register += found.count();
        }
    }
}

/// Counts the Rust files below a folder of the repository, without those in target folders.
fn count(folder: &str) -> Counts {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let mut folders: Vec<PathBuf> = vec![root.join(folder)];
    let mut counts = Counts::default();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            match path.extension() {
                Some(extension) if extension == "rs" => counts.add(&path),
                _ if path.is_dir() && !path.ends_with("target") => folders.push(path),
                _ => {}
            }
        }
    }
    counts
}

#[test]
fn prose_stays_within_the_limits() {
    println!(
        "folder                        files  longest    words  register/1000  questions/summaries"
    );
    let mut over = Vec::new();
    for folder in FOLDERS {
        let counts = count(folder);
        println!(
            "{folder:29} {:5} {:8} {:8} {:14.2} {:10}/{}",
            counts.files,
            counts.longest,
            counts.words,
            counts.per_thousand(),
            counts.questions.len(),
            counts.summaries,
        );
        if counts.per_thousand() > MAX_REGISTER {
            over.push(format!(
                "{folder}: {:.2} register words",
                counts.per_thousand()
            ));
        }
        if !counts.questions.is_empty() {
            over.push(counts.questions.join("\n"));
        }
    }
    assert!(over.is_empty(), "{}", over.join("\n"));
}

#[test]
fn house_counts_questions_and_register_words() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("a.rs");
    let source = "//! A file.\n\n/// What it is.\n/// How it works, by itself.\nfn a() {}\n\n/// Returns it.\nfn b() {} // nobody\n";
    fs::write(&path, source).expect("a file");
    let mut counts = Counts::default();
    counts.add(&path);
    assert_eq!((counts.summaries, counts.questions.len()), (2, 1));
    assert_eq!(counts.register, 1, "comments behind code are not counted");
}
