//! The examples as a newcomer runs them: what they print, and that they leave no server behind.

use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use purse_testkit::Server;
use rustix::process::{Pid, Signal, kill_process};

/// The program of an example, built as this test was.
fn example(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples");
    let mut build = Command::new(env!("CARGO"));
    build
        .current_dir(folder)
        .args(["build", "--quiet", "--example", name]);
    assert!(build.status().expect("cargo").success(), "{build:?}");
    build_folder().join("examples").join(name)
}

/// The folder that this test was built in.
fn build_folder() -> PathBuf {
    let test = std::env::current_exe().expect("the path of this test");
    let folder = test.parent().and_then(Path::parent);
    folder.expect("a target folder").to_owned()
}

/// An example that runs with a folder of its own for the files that it leaves.
struct Running {
    child: Child,
    output: Option<BufReader<ChildStdout>>,
    folder: tempfile::TempDir,
}

impl Running {
    fn start(name: &str) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let mut child = Command::new(example(name))
            .env("TMPDIR", folder.path())
            .env_remove("PURSE_URL")
            .env_remove("PURSE_MASTERS")
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("a program that starts");
        let output = child.stdout.take().map(BufReader::new);
        Self {
            child,
            output,
            folder,
        }
    }

    /// Reads what it prints until a line contains `word`; fails if none does.
    fn read_until(&mut self, word: &str) {
        let mut line = String::new();
        let output = self.output.as_mut().expect("a pipe");
        while output.read_line(&mut line).expect("text") > 0 {
            if line.contains(word) {
                return;
            }
            line.clear();
        }
        panic!("it ended without printing {word}");
    }

    fn servers(&self) -> usize {
        let processes = Command::new("ps")
            .args(["-axww", "-o", "command"])
            .output()
            .expect("ps");
        let folder = self.folder.path().to_str().expect("text");
        processes
            .stdout
            .lines()
            .filter(|line| line.as_ref().is_ok_and(|line| line.contains(folder)))
            .count()
    }

    /// Fails unless, soon, no server is left, nor anything in its folder.
    fn leaves_nothing(&self) {
        let deadline = Instant::now() + Duration::from_secs(15);
        loop {
            let files = self.folder.path().read_dir().expect("a folder").count();
            let servers = self.servers();
            if (servers, files) == (0, 0) {
                return;
            }
            assert!(
                Instant::now() < deadline,
                "{servers} processes and {files} files are left"
            );
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

#[test]
fn tour_runs_all_parts_and_sorts_the_numbers() {
    let mut tour = Running::start("tour");
    let mut printed = String::new();
    let output = tour.output.as_mut().expect("a pipe");
    output.read_to_string(&mut printed).expect("text");
    assert!(tour.child.wait().expect("an end").success());

    for line in [
        "elements         [\"a\", \"b\", \"c\", \"d\", \"e\", \"f\"]",
        "contains f       true",
        "contains g       false",
        "position of c    Some(2)",
        "position of g    None",
        "from 2 to 5      [\"c\", \"d\", \"e\"]",
        "at 2             Some(\"x\")",
        "at -3            Some(\"y\")",
        "left             [\"a\", \"b\", \"x\", \"c\", \"d\", \"y\", \"e\"]",
        "plants           5",
        "spinach is tasty false",
        "carrot           Plant { name: \"carrot\", healthiness: 5.0, tasty: false }",
    ] {
        assert!(
            printed.lines().any(|printed| printed == line),
            "{line}\nis not in\n{printed}"
        );
    }
    let numbers: Vec<String> = (0..=100).map(|number: u32| number.to_string()).collect();
    assert!(
        printed.ends_with(&format!("\n{}\n", numbers.join("\n"))),
        "{printed}"
    );
    tour.leaves_nothing();
}

#[test]
fn a_late_writer_is_refused_by_its_fence() {
    let mut fenced = Running::start("fenced");
    let mut printed = String::new();
    let output = fenced.output.as_mut().expect("a pipe");
    output.read_to_string(&mut printed).expect("text");
    assert!(fenced.child.wait().expect("an end").success());
    let expected = [
        "the first writer pauses",
        "the second writer has a greater fence: true",
        "the first writer is refused: another holder has written since",
        "the page says: the second writer's text",
        "the first writer's lock had expired: true",
    ];
    assert_eq!(printed.lines().collect::<Vec<_>>(), expected);
    fenced.leaves_nothing();
}

#[test]
fn candidates_lead_one_after_the_other() {
    let mut election = Running::start("election");
    let mut printed = String::new();
    let output = election.output.as_mut().expect("a pipe");
    output.read_to_string(&mut printed).expect("text");
    assert!(election.child.wait().expect("an end").success());
    let expected = [
        "ada leads",
        "ada writes",
        "ada resigns: Released",
        "bob leads",
        "bob writes",
        "bob resigns: Released",
        "ada is refused: another has led since",
    ];
    assert_eq!(printed.lines().collect::<Vec<_>>(), expected);
    election.leaves_nothing();
}

/// Builds the package that depends only on the lock, on its own as its users would.
#[test]
fn lock_crate_suffices_for_a_ten_line_program() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/redlock-alone");
    let run = |urls: &[String]| {
        let mut program = Command::new(env!("CARGO"));
        program.current_dir(&folder).args(["run", "--quiet", "--"]);
        // What is built already need not be built again.
        program.env(
            "CARGO_TARGET_DIR",
            build_folder().parent().expect("a folder"),
        );
        program.args(urls).output().expect("cargo")
    };
    let masters = purse_testkit::Masters::start(3).expect("servers");
    let output = run(&masters.urls());
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{errors}");
    let printed = String::from_utf8_lossy(&output.stdout);
    assert!(
        printed.starts_with("no other client can have it for "),
        "{printed}"
    );
    assert!(printed.ends_with("\nReleased\n"), "{printed}");

    let output = run(&[]);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success());
    assert!(errors.contains("usage: redlock-alone"), "{errors}");
}

#[test]
fn scope_shows_work_that_ends_and_work_that_is_stopped() {
    let mut scope = Running::start("scope");
    let mut printed = String::new();
    let output = scope.output.as_mut().expect("a pipe");
    output.read_to_string(&mut printed).expect("text");
    assert!(scope.child.wait().expect("an end").success(), "{printed}");
    let expected = [
        "page 1 is written",
        "page 2 is written",
        "page 3 is written",
        "3 pages, and the lock held all the time",
        "the work was stopped: its time is over, and the limits of automatic extension were reached",
        "the work took too long",
        "and the next one has the lock",
    ];
    assert_eq!(printed.lines().collect::<Vec<_>>(), expected);
    scope.leaves_nothing();
}

#[test]
fn each_type_has_an_example_that_runs_with_no_argument() {
    for (name, last) in [
        ("batch", "carrots left     7"),
        ("cell", "limit            50"),
        ("counter", "ids in order     true"),
        ("bit_set", "free seats       97"),
        ("bloom_filter", "about is new     true"),
        ("geo", "from Berlin      Potsdam, 27 km"),
        ("hyper_log_log", "in both weeks    true"),
        ("keyspace", "guests left      3"),
        ("lifo_queue", "  /news"),
        ("lru_map", "left             2"),
        ("multimap", "left             2"),
        ("priority_queue", " inf nothing more"),
        ("queue", "12 jobs done, 0 left"),
        ("set", "left             2"),
        ("sorted_set", "left             0"),
    ] {
        let mut running = Running::start(name);
        let mut printed = String::new();
        let output = running.output.as_mut().expect("a pipe");
        output.read_to_string(&mut printed).expect("text");
        assert!(running.child.wait().expect("an end").success(), "{name}");
        assert_eq!(printed.lines().last(), Some(last), "{name}");
        running.leaves_nothing();
    }
}

#[test]
fn just_examples_runs_each_one() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let recipes = std::fs::read_to_string(root.join("justfile")).expect("a justfile");
    let mut examples = 0;
    for file in root.join("examples").read_dir().expect("a folder") {
        let file = file.expect("an entry").path();
        if file.extension().is_some_and(|extension| extension == "rs") {
            let name = file.file_stem().and_then(|name| name.to_str());
            let line = format!("    cargo run --quiet --example {}", name.expect("text"));
            assert!(recipes.lines().any(|recipe| recipe == line), "{line}");
            examples += 1;
        }
    }
    assert!(examples > 0);
}

#[test]
fn the_tour_leaves_nothing_after_ctrl_c() {
    let mut tour = Running::start("tour");
    tour.read_until("works on number 3");
    assert!(tour.servers() >= 6, "one server of data and five masters");
    let pid = Pid::from_child(&tour.child);
    kill_process(pid, Signal::INT).expect("a signal");
    assert!(!tour.child.wait().expect("an end").success());
    tour.leaves_nothing();
}

#[test]
fn the_tour_leaves_nothing_after_a_panic() {
    let mut tour = Running::start("tour");
    tour.read_until("works on number 3");
    // Printing to a pipe without a reader panics.
    drop(tour.output.take());
    let mut panic = String::new();
    let errors = tour.child.stderr.as_mut().expect("a pipe");
    errors.read_to_string(&mut panic).expect("text");
    assert!(!tour.child.wait().expect("an end").success());
    assert!(panic.contains("panicked"), "{panic}");
    tour.leaves_nothing();
}

#[test]
fn examples_use_a_given_server_and_keep_its_data() {
    let server = Server::start().expect("a server");
    let masters: Vec<_> = (0..5).map(|database| server.url_db(database)).collect();
    let run = |name| {
        let output = Command::new(example(name))
            .env("PURSE_URL", server.url())
            .env("PURSE_MASTERS", masters.join(","))
            .output()
            .expect("a program that starts");
        assert!(
            output.status.success(),
            "{}",
            String::from_utf8_lossy(&output.stderr)
        );
        String::from_utf8(output.stdout).expect("text")
    };
    run("list");
    let list = server
        .command(&["LRANGE", "redis_list", "0", "-1"])
        .expect("LRANGE");
    let elements: Vec<_> = list
        .items()
        .iter()
        .filter_map(purse_testkit::Reply::text)
        .collect();
    assert_eq!(elements, ["a", "b", "x", "c", "d", "y", "e"]);

    run("hash");
    let carrot = server
        .command(&["HGET", "redis_hash", "carrot"])
        .expect("HGET");
    assert_eq!(
        carrot.text(),
        Some(r#"{"name":"carrot","healthiness":5.0,"tasty":false}"#)
    );

    assert!(run("redlock").ends_with("\n99\n100\n"));
    let length = server.command(&["LLEN", "redis_list"]).expect("LLEN");
    assert_eq!(length.int(), Some(101));
    for url in 0..5 {
        let lock = server.command(&[
            "EVAL",
            &format!(
                "redis.call('SELECT', {url}); return redis.call('EXISTS', 'redlock:list_lock')"
            ),
            "0",
        ]);
        assert_eq!(
            lock.expect("EVAL").int(),
            Some(0),
            "the lock is still held in database {url}"
        );
    }
}
