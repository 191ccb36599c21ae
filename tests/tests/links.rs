//! The links and file names in the Markdown files of the repository.

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};

fn root() -> PathBuf {
    fs::canonicalize(Path::new(env!("CARGO_MANIFEST_DIR")).join("..")).expect("the repository")
}

/// Returns all files of the repository, without hidden ones and those that builds write.
fn files() -> Vec<PathBuf> {
    let mut folders = vec![root()];
    let mut files = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            if name.starts_with('.') || matches!(&*name, "target" | "book") {
                continue;
            }
            match path.is_dir() {
                true => folders.push(path),
                false => files.push(path),
            }
        }
    }
    files
}

fn markdown() -> HashMap<PathBuf, String> {
    let pages: HashMap<_, _> = files()
        .into_iter()
        .filter(|path| path.extension().is_some_and(|extension| extension == "md"))
        .map(|path| {
            let text = fs::read_to_string(&path).expect("text");
            (path, text)
        })
        .collect();
    assert!(pages.len() > 30, "{}", pages.len());
    pages
}

/// Returns the text outside of code blocks.
fn prose(text: &str) -> String {
    let mut is_code = false;
    let lines = text.lines().filter(|line| {
        let is_fence = line.trim_start().starts_with("```");
        is_code ^= is_fence;
        !is_code && !is_fence
    });
    lines.collect::<Vec<_>>().join("\n")
}

/// Returns the anchors of a page's headings, as hosts of repositories make them.
fn anchors(text: &str) -> Vec<String> {
    let headings = text.lines().filter(|line| line.starts_with('#'));
    headings
        .map(|line| {
            let title = line.trim_start_matches('#').trim().to_lowercase();
            let kept = title
                .chars()
                .filter(|c| c.is_alphanumeric() || " -_".contains(*c));
            kept.collect::<String>().replace(' ', "-")
        })
        .collect()
}

#[test]
fn links_lead_to_files_and_headings() {
    let pages = markdown();
    let mut count = 0;
    for (page, text) in &pages {
        for link in prose(text).split("](").skip(1) {
            let link = link.split([')', ' ']).next().unwrap_or_default();
            if link.contains("://") || link.is_empty() {
                continue;
            }
            count += 1;
            let (path, anchor) = link.split_once('#').unwrap_or((link, ""));
            let target = match path.is_empty() {
                true => page.clone(),
                false => page.parent().expect("a folder").join(path),
            };
            let target = fs::canonicalize(&target);
            let target = target.unwrap_or_else(|_| panic!("{}: no {link}", page.display()));
            if let Some(text) = pages.get(&target).filter(|_| !anchor.is_empty()) {
                let is_there = anchors(&prose(text)).iter().any(|name| name == anchor);
                assert!(is_there, "{}: no heading {link}", page.display());
            }
        }
    }
    assert!(count > 100, "{count}");
}

#[test]
fn architecture_names_files_that_exist() {
    let files: Vec<_> = files()
        .into_iter()
        .map(|path| path.display().to_string())
        .collect();
    let folder = root().join("docs/architecture");
    let mut count = 0;
    for (page, text) in markdown() {
        if page.parent() != Some(&folder) && page != root().join("ARCHITECTURE.md") {
            continue;
        }
        let text = prose(&text);
        let names = text.split('`').skip(1).step_by(2).filter(|name| {
            let is_file = name.ends_with(".rs") || name.ends_with(".lua");
            is_file && !name.contains([' ', '<', '*']) && !name.starts_with('.')
        });
        for name in names {
            count += 1;
            let is_there = files.iter().any(|file| file.ends_with(&format!("/{name}")));
            assert!(is_there, "{}: no {name}", page.display());
        }
    }
    assert!(count > 100, "{count}");
}
