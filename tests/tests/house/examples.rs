//! Counts of the public items that have an example, and the doc aliases of commands.

use std::fs;
use std::path::{Path, PathBuf};

/// A crate, the percentage of its public methods that must have an example, and the crates of which
/// an example must import something. Every public type must have one.
type Goal = (&'static str, usize, &'static [&'static str]);

const GOALS: [Goal; 6] = [
    ("purse-client", 60, &["purse"]),
    ("purse-codec", 60, &["purse"]),
    ("purse-collections", 100, &["purse"]),
    // Its users are the other crates of purse.
    ("purse-lease", 20, &["purse_lease"]),
    // It can be used alone.
    ("purse-redlock", 60, &["purse", "purse_redlock"]),
    ("purse-testkit", 60, &["purse_testkit"]),
];

/// A public type, or a public function of one, as its source declares it.
#[derive(Debug, Default)]
struct Item {
    /// The name, of a method after that of its type and `::`.
    name: String,
    is_type: bool,
    doc: Vec<String>,
    attributes: String,
    /// The text after the `->` of a function.
    output: String,
}

impl Item {
    /// Returns whether the item has an example that imports something of one of the crates.
    fn has_example(&self, imports: &[&str]) -> bool {
        let mut is_in_code = false;
        let imports_facade = self.doc.iter().any(|line| {
            if line.starts_with("```") {
                is_in_code = !is_in_code;
            }
            let path = line
                .strip_prefix("use ")
                .and_then(|use_| use_.split_once("::"));
            is_in_code && path.is_some_and(|(krate, _)| imports.contains(&krate))
        });
        // The methods that a macro writes for each collection have examples of another macro.
        imports_facade || self.attributes.contains("key_example!")
    }

    /// Returns whether the function creates values of this type.
    fn creates(&self, type_name: &str) -> bool {
        let is_own = self.name.split("::").next() == Some(type_name);
        let mut words = self.output.split(|c: char| !c.is_alphanumeric());
        words.any(|word| word == type_name || is_own && word == "Self")
    }

    /// Returns the commands that the line `Redis: …` names, without their options.
    fn commands(&self) -> Vec<String> {
        let doc = self.doc.join(" ");
        let Some((_, after)) = doc.split_once("Redis: ") else {
            return Vec::new();
        };
        let sentence = after.split(". ").next().unwrap_or_default();
        let commands = sentence.split(" with ").next().unwrap_or_default();
        let is_command = |word: &&str| {
            word.len() >= 3 && word.bytes().all(|b| b.is_ascii_uppercase() || b == b'_')
        };
        let words = commands.split(|c: char| !c.is_alphanumeric() && c != '_');
        words.filter(is_command).map(str::to_owned).collect()
    }
}

/// Reads the public items of a source, which must be formatted: an item is known by its indentation.
/// Types count if `exports` has them.
fn items_of(source: &str, exports: &[String]) -> Vec<Item> {
    let code = source
        .split("#[cfg(test)]\nmod ")
        .next()
        .unwrap_or_default();
    let is_exported = |name: &str| exports.iter().any(|export| export == name);
    let mut items = Vec::new();
    // The type whose functions follow, their indentation, and what a public one starts with.
    let mut owner: Option<(String, usize, &str)> = None;
    let mut item = Item::default();
    let mut is_attribute_open = false;
    let mut lines = code.lines();
    while let Some(line) = lines.next() {
        let text = line.trim_start();
        let indentation = line.len() - text.len();
        if is_attribute_open || text.starts_with("#[") {
            item.attributes.push_str(text);
            is_attribute_open = !text.ends_with(']');
            continue;
        }
        if let Some(doc) = text.strip_prefix("///") {
            item.doc
                .push(doc.strip_prefix(' ').unwrap_or(doc).to_owned());
            continue;
        }
        let mut item = std::mem::take(&mut item);
        if indentation == 0 && !text.is_empty() {
            if let Some(name) = declared(
                text,
                &["pub struct ", "pub enum ", "pub trait ", "pub type "],
            ) {
                if text.starts_with("pub trait ") {
                    owner = Some((name.clone(), 4, ""));
                }
                item.is_type = true;
                item.name = name;
            } else if let Some(name) = function(text, "pub ") {
                item.name = name;
                item.output = output(line, &mut lines);
            } else if text.starts_with("impl") {
                owner = implemented(text)
                    .filter(|name| is_exported(name))
                    .map(|name| (name, 4, "pub "));
            } else if text.starts_with("macro_rules! key_methods ") {
                owner = Some(("key_methods".to_owned(), 8, "pub "));
            } else if text == "}" {
                owner = None;
            }
            // A type alias of `Result` says nothing that an example could show.
            if is_exported(&item.name) && item.name != "Result" {
                items.push(item);
            }
        } else if let Some((owner, depth, start)) = &owner
            && indentation == *depth
            && let Some(name) = function(text, start)
            && !item.attributes.contains("doc(hidden)")
        {
            item.name = format!("{owner}::{name}");
            item.output = output(line, &mut lines);
            items.push(item);
        }
    }
    items
}

/// Returns the name that follows one of the `starts`.
fn declared(text: &str, starts: &[&str]) -> Option<String> {
    let rest = starts.iter().find_map(|start| text.strip_prefix(start))?;
    Some(
        rest.split(|c: char| !c.is_alphanumeric() && c != '_')
            .next()?
            .to_owned(),
    )
}

/// Returns the name of a function that is declared after `start`.
fn function(text: &str, start: &str) -> Option<String> {
    let text = text.strip_prefix(start)?;
    let text = text.strip_prefix("const ").unwrap_or(text);
    declared(text.strip_prefix("async ").unwrap_or(text), &["fn "])
}

/// Returns the type of an `impl` block that is not one of a trait.
fn implemented(text: &str) -> Option<String> {
    let mut rest = text.strip_prefix("impl")?;
    if rest.starts_with('<') {
        let mut depth = 0;
        let mut before = ' ';
        let end = rest.find(|c| {
            match c {
                '<' => depth += 1,
                '>' if before != '-' => depth -= 1,
                _ => {}
            }
            before = c;
            depth == 0
        })?;
        rest = &rest[end + 1..];
    }
    let is_of_trait = rest.contains(" for ");
    declared(rest, &[" "]).filter(|_| !is_of_trait)
}

/// Returns the text after the `->` of the function that begins with `line`.
fn output<'a>(line: &'a str, lines: &mut impl Iterator<Item = &'a str>) -> String {
    let mut signature = line.to_owned();
    while !signature.ends_with(['{', ';', '}']) {
        let Some(next) = lines.next() else { break };
        signature.push_str(next);
    }
    signature
        .rsplit_once("->")
        .map(|(_, output)| output.to_owned())
        .unwrap_or_default()
}

/// Reads the public items of a crate.
fn public_items(krate: &str) -> Vec<Item> {
    let src = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../crates")
        .join(krate)
        .join("src");
    let lib = fs::read_to_string(src.join("lib.rs")).expect("text");
    let uses = lib
        .split("pub use ")
        .skip(1)
        .filter_map(|rest| rest.split(';').next());
    let words = uses.flat_map(|names| names.split(|c: char| !c.is_alphanumeric() && c != '_'));
    let words = words.filter(|word| !word.is_empty());
    let exports: Vec<String> = words.map(str::to_owned).collect();
    let mut paths: Vec<PathBuf> = vec![src];
    let mut items = Vec::new();
    while let Some(path) = paths.pop() {
        let name = path
            .file_stem()
            .and_then(|name| name.to_str())
            .unwrap_or_default();
        if path.is_dir() {
            let entries = fs::read_dir(&path).expect("a folder");
            paths.extend(entries.map(|entry| entry.expect("an entry").path()));
        } else if path.extension().is_some_and(|extension| extension == "rs")
            && !matches!(name, "tests" | "testing" | "absent")
        {
            items.extend(items_of(
                &fs::read_to_string(&path).expect("text"),
                &exports,
            ));
        }
    }
    items
}

#[test]
fn public_items_have_examples() {
    println!("crate                methods with an example      types with an example");
    let mut below = Vec::new();
    for (krate, goal, imports) in GOALS {
        let items = public_items(krate);
        let (types, functions): (Vec<_>, Vec<_>) = items.iter().partition(|item| item.is_type);
        let (shown, bare): (Vec<&Item>, Vec<&Item>) =
            functions.iter().partition(|item| item.has_example(imports));
        let is_shown = |item: &Item| {
            item.has_example(imports) || shown.iter().any(|other| other.creates(&item.name))
        };
        let bare_types: Vec<_> = types.iter().filter(|item| !is_shown(item)).collect();
        let percent = 100 * shown.len() / functions.len();
        let (methods, shown_types) = (functions.len(), types.len() - bare_types.len());
        println!(
            "{krate:20} {:4} of {methods:4} ({percent:3} %) {:14} of {:3}",
            shown.len(),
            shown_types,
            types.len(),
        );
        assert!(
            methods > 10 && types.len() > 5,
            "{krate}: {methods} methods, {types:?}"
        );
        let names = |items: Vec<&str>| items.join(", ");
        if percent < goal {
            let bare = names(bare.iter().map(|item| &*item.name).collect());
            below.push(format!(
                "{krate}: {percent} % instead of {goal} % of methods: {bare}"
            ));
        }
        if !bare_types.is_empty() {
            let bare = names(bare_types.iter().map(|item| &*item.name).collect());
            below.push(format!("{krate}: types without an example: {bare}"));
        }
    }
    assert!(below.is_empty(), "{}", below.join("\n"));
}

#[test]
fn commands_of_collections_are_doc_aliases() {
    let mut missing = Vec::new();
    let mut commands = 0;
    for item in public_items("purse-collections") {
        for command in item.commands() {
            commands += 1;
            if !item.attributes.contains(&format!("alias = \"{command}\"")) {
                missing.push(format!("{}: #[doc(alias = \"{command}\")]", item.name));
            }
        }
    }
    assert!(commands > 150, "only {commands} were found");
    assert!(missing.is_empty(), "{}", missing.join("\n"));
}

#[test]
fn items_are_read_with_examples_and_commands() {
    let source = r#"
/// A list.
pub struct List<T>(T);

/// Not exported.
pub struct Private;

impl<T: Fn() -> u8, C: Codec<T>> List<T, C> {
    /// Creates it.
    ///
    /// ```
    /// use purse::List;
    /// ```
    pub const fn new() -> Self {
        Self
    }

    /// Adds an element.
    ///
    /// Redis: LPUSH, or GET and
    /// SET with NX in a script. Time: O(1).
    ///
    /// use purse::List;
    #[must_use]
    #[doc(alias = "LPUSH")]
    pub fn push(
        &self,
    ) -> Op<u64> {
        fn inner() {}
    }

    pub(crate) fn hidden(&self) {}
}

impl<T> Clone for List<T> {
    fn clone(&self) -> Self {}
}

#[cfg(test)]
mod tests {
    pub struct List;
}
"#;
    let items = items_of(source, &["List".to_owned()]);
    let names: Vec<_> = items.iter().map(|item| &*item.name).collect();
    assert_eq!(names, ["List", "List::new", "List::push"]);
    let [list, new, push] = &items[..] else {
        panic!("{items:?}");
    };
    assert!(list.is_type && !list.has_example(&["purse"]));
    assert!(new.has_example(&["purse"]) && !new.has_example(&["other"]));
    assert!(new.creates("List") && !push.creates("List"));
    assert!(
        !push.has_example(&["purse"]),
        "the import is not in a code block"
    );
    assert_eq!(push.commands(), ["LPUSH", "GET", "SET"]);
    assert!(push.attributes.contains("alias = \"LPUSH\""));
}
