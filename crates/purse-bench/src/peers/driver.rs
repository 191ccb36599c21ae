//! A peer in a process of its own, which reads orders and writes answers, a line each.

use std::ffi::OsString;
use std::process::Stdio;

use futures::future::BoxFuture;
use serde::Deserialize;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};
use tokio::sync::Mutex;

use crate::order::{Answer, Order, Result};
use crate::peer::Peer;

pub(crate) struct Driver {
    pid: Option<u32>,
    pipes: Mutex<Pipes>,
    // Kept, since the process is killed when it is dropped.
    _child: Child,
}

struct Pipes {
    orders: ChildStdin,
    answers: Lines<BufReader<ChildStdout>>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Line {
    Error { error: String },
    Answer(Answer),
}

impl Driver {
    /// Starts a process, and waits until it is ready: it says so with an empty answer.
    pub(crate) async fn start(command: Vec<OsString>, urls: &[String]) -> Result<Self> {
        let (program, args) = command.split_first().ok_or("no command")?;
        let mut child = Command::new(program)
            .args(args)
            .args(urls)
            .env("PYTHONDONTWRITEBYTECODE", "1")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()?;
        let orders = child.stdin.take().ok_or("no pipe to the peer")?;
        let answers = child.stdout.take().ok_or("no pipe from the peer")?;
        let mut pipes = Pipes {
            orders,
            answers: BufReader::new(answers).lines(),
        };
        pipes.answer().await?;
        Ok(Self {
            pid: child.id(),
            pipes: Mutex::new(pipes),
            _child: child,
        })
    }
}

impl Peer for Driver {
    fn run<'a>(&'a self, order: &'a Order) -> BoxFuture<'a, Result<Answer>> {
        Box::pin(async move {
            let mut pipes = self.pipes.lock().await;
            let mut line = serde_json::to_string(order)?;
            line.push('\n');
            pipes.orders.write_all(line.as_bytes()).await?;
            pipes.orders.flush().await?;
            pipes.answer().await
        })
    }

    fn pid(&self) -> Option<u32> {
        self.pid
    }
}

impl Pipes {
    async fn answer(&mut self) -> Result<Answer> {
        let line = self.answers.next_line().await?;
        match serde_json::from_str(&line.ok_or("the peer has ended")?)? {
            Line::Answer(answer) => Ok(answer),
            Line::Error { error } => Err(error.into()),
        }
    }
}

/// The other side of it: this process is the driver of a Rust peer.
pub(crate) async fn drive(peer: &dyn Peer) -> Result<()> {
    let mut orders = BufReader::new(tokio::io::stdin()).lines();
    println!("{}", serde_json::to_string(&Answer::default())?);
    while let Some(line) = orders.next_line().await? {
        let answer = match peer.run(&serde_json::from_str(&line)?).await {
            Ok(answer) => serde_json::to_value(answer)?,
            Err(error) => serde_json::json!({ "error": error.to_string() }),
        };
        println!("{answer}");
    }
    Ok(())
}
