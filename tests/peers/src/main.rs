//! `tamer-peers up|down|hold`: real technologies to try things with. `cargo xtask peers` calls it.
#![expect(clippy::print_stdout, reason = "it tells where they are")]

use anyhow::{Result, bail};

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["up"] => print!("{}", verbs::up()?),
        ["down"] => println!("{}", verbs::down()?),
        ["hold"] => verbs::hold()?,
        _ => bail!("say up, down, or hold"),
    }
    Ok(())
}

#[cfg(unix)]
mod verbs {
    use std::process::Command;

    use anyhow::Result;
    use tamer_peers::guest::cache;
    use tamer_peers::standing::Standing;

    pub fn up() -> Result<String> {
        // A session of its own: closing the terminal does not end it.
        let mut hold = Command::new("setsid");
        hold.arg(std::env::current_exe()?).arg("hold");
        Standing::below(&cache()?).up(&mut hold)
    }

    pub fn down() -> Result<&'static str> {
        let was_up = Standing::below(&cache()?).down()?;
        Ok(if was_up { "they are down" } else { "none was up" })
    }

    pub fn hold() -> Result<()> {
        Standing::below(&cache()?).hold()
    }
}

#[cfg(not(unix))]
mod verbs {
    use anyhow::{Result, bail};

    pub fn up() -> Result<String> {
        bail!("the peers need Linux")
    }

    pub fn down() -> Result<&'static str> {
        bail!("the peers need Linux")
    }

    pub fn hold() -> Result<()> {
        bail!("the peers need Linux")
    }
}
