//! Measures purse side by side with its peers, on the same servers, in turns.
//!
//! `--quick` measures less. `--only TEXT` measures only the works whose names contain the text. Each
//! row of a run with `--only` replaces the row of the same work, peer and unit; the other rows stay
//! in the file as an earlier run wrote them, and `about.json` names both runs. The file is written
//! after each work. A peer that is missing or too slow is listed with the reason.

use purse_bench::{Options, Result, compare, serve};

#[tokio::main]
async fn main() -> Result<()> {
    let mut args = std::env::args().skip(1);
    let mut options = Options::default();
    while let Some(arg) = args.next() {
        match arg.as_str() {
            "--quick" => options.quick = true,
            "--only" => options.only = Some(args.next().ok_or("--only needs a text")?),
            // This process is a peer of another process of this program.
            "--drive" => {
                let name = args.next().ok_or("--drive needs a peer")?;
                return serve(&name, &args.collect::<Vec<_>>()).await;
            }
            other => return Err(format!("unknown argument: {other}").into()),
        }
    }
    compare(&options).await
}
