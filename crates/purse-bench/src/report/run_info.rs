//! The command, date, machine and server of a run.

use std::process::Command;

use serde_json::{Value, json};

pub(super) fn collect() -> Value {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    json!({
        "command": format!("just bench-compare {}", args.join(" ")).trim_end(),
        "date": output("date", &["-u", "+%Y-%m-%d"]),
        "machine": format!("{}, {cores} cores, {}", processor(), output("uname", &["-sr"])),
        "server": server(),
    })
}

fn processor() -> String {
    let cpus = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let name = cpus.lines().find(|line| line.starts_with("model name"));
    let name = name.and_then(|line| line.split_once(": "));
    name.map_or_else(
        || std::env::consts::ARCH.to_owned(),
        |(_, name)| name.to_owned(),
    )
}

fn server() -> String {
    match purse_testkit::Server::start() {
        Ok(server) => server.binary().to_string(),
        Err(error) => error.to_string(),
    }
}

fn output(program: &str, args: &[&str]) -> String {
    let output = Command::new(program).args(args).output();
    let text = output.map(|output| output.stdout).unwrap_or_default();
    String::from_utf8_lossy(&text).trim().to_owned()
}
