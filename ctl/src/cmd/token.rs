//! `tamerctl token`: what lets new hosts join.

use std::net::SocketAddr;
use std::time::Duration;

use super::pairs;
use crate::Session;
use crate::context::Context;
use crate::contract::{NewToken, Time, Token};
use crate::errors::Failure;
use crate::output::{Cell, Line, Table, Tone, human, print};

/// What can be done with tokens.
#[derive(Debug, clap::Subcommand)]
pub enum Verb {
    /// Make a token
    Create {
        /// How long it is good for
        #[arg(long, value_name = "SPAN", default_value = "1h", value_parser = pairs::span)]
        lifetime: Duration,
        /// How many hosts can join with it
        #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..))]
        uses: u32,
        /// Give the hosts that join with it a label
        #[arg(long = "label", value_name = "KEY=VALUE", value_parser = pairs::pair)]
        labels: Vec<(String, String)>,
    },
    /// List tokens
    Ls,
    /// Make a token useless
    Revoke {
        /// Its id
        id: String,
    },
}

/// Runs one.
pub async fn run(verb: Verb, session: &Session) -> Result<(), Failure> {
    match verb {
        Verb::Create { lifetime, uses, labels } => {
            let labels = pairs::labels(labels)?;
            let context = session.open_context()?;
            let mut api = crate::connect::connect(&context).await?;
            let token = api.create_token(lifetime, uses, labels).await?;
            session.show(&token, |_| created(&token, &context))
        }
        Verb::Ls => {
            let tokens = session.api().await?.tokens().await?;
            if tokens.is_empty() && !session.for_scripts() {
                print::note("no tokens; `tamerctl token create` makes one");
                return Ok(());
            }
            session.show(&tokens, |wide| table(&tokens, wide))
        }
        Verb::Revoke { id } => {
            session.api().await?.revoke_token(&id).await?;
            session.show(&serde_json::json!({ "id": id }), |_| {
                vec![Line::plain(format!("{id} revoked"))]
            })
        }
    }
}

fn created(token: &NewToken, context: &Context) -> Vec<Line> {
    let NewToken { token: text, id, expires_at, uses, labels: _ } = token;
    let hosts = human::count(*uses as usize, "host");
    let address = address_for_others(&context.addresses);
    vec![
        Line::new(Tone::Strong, text),
        Line::default(),
        Line::plain(format!("It lets {hosts} join until {expires_at}. On each, run:")),
        Line::default(),
        Line::plain(format!("  TAMER_TOKEN={text} tamer-agent run --coordinator {address}")),
        Line::default(),
        Line::new(
            Tone::Dim,
            format!("It is not shown again. `tamerctl token revoke {id}` ends it."),
        ),
    ]
}

/// The address that another machine would dial: the first that is not this machine's own loopback.
fn address_for_others(addresses: &[String]) -> &str {
    let is_loopback =
        |text: &String| text.parse::<SocketAddr>().is_ok_and(|address| address.ip().is_loopback());
    let address = addresses.iter().find(|address| !is_loopback(address));
    address.or(addresses.first()).map_or("ADDRESS:8443", String::as_str)
}

fn table(tokens: &[Token], wide: bool) -> Vec<Line> {
    let mut head = vec!["ID", "STATE", "USED", "EXPIRES", "LABELS"];
    if wide {
        head.extend(["CREATED", "BY"]);
    }
    let mut table = Table::new(head);
    for token in tokens {
        let left = token.expires_at.since(Time::now());
        let mut cells: Vec<Cell> = vec![
            token.id.as_str().into(),
            Cell::state(&token.state),
            format!("{}/{}", token.used, token.uses).into(),
            if wide || left.is_zero() {
                token.expires_at.to_string().into()
            } else {
                format!("in {}", human::span(left)).into()
            },
            human::labels(&token.labels).into(),
        ];
        if wide {
            cells.extend([
                Cell::from(token.created_at.to_string()),
                token.created_by.as_str().into(),
            ]);
        }
        table.row(cells);
    }
    table.lines()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_machine_is_given_an_address_it_can_dial() {
        let of = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>();
        let both = of(&["127.0.0.1:8443", "[::1]:8443", "10.0.0.5:8443"]);
        assert_eq!(address_for_others(&both), "10.0.0.5:8443");
        assert_eq!(address_for_others(&of(&["127.0.0.1:8443"])), "127.0.0.1:8443");
        assert_eq!(address_for_others(&[]), "ADDRESS:8443");
    }
}
