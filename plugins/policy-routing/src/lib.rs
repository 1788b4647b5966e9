//! Sends a conversation to those who shall work on it: to the team that its class belongs to (E1, E2), the customer's own
//! agent first (E3), customers of value to seniors and before others (E4, E7), and to everybody of the team when it has
//! waited too long (E8).
//!
//! A conversation is routed when it has no team yet, and again when this run changed its grade, category or tags so that
//! the tables say something else. Any other message leaves it where it is, so a transfer by a person stands.
mod agents;
mod config;
mod table;

use tributary_policy::Event;
use tributary_sdk::desk::{Action, Decision, Fault, Happening, Route, Snapshot};
use tributary_sdk::types::Attribute;
use tributary_sdk::{Plugin, Policy, PrepareError, Template};

use agents::Agents;
pub use config::{Config, OwnAgent, Row, Tier};
use table::{Routed, Table, is_emergency};

/// The fact on a conversation that was opened to every agent of its team: the clock whose breach did it.
const WIDENED: &str = "widened";

/// The prepared policy.
pub struct Routing {
    table: Table,
    agents: Agents,
    widening: Vec<(String, Event)>,
    note: Template,
}

tributary_sdk::export!(Routing: policy);

impl Plugin for Routing {
    type Config = Config;

    fn prepare(config: Config) -> Result<Self, PrepareError> {
        let agents = Agents::prepare(&config)?;
        let note = Template::parse(&config.widen_note, "widen-note", &["team", "clock"])?;
        let breach = |clock: String| {
            let event = Event::parse(&format!("breached {clock}"), "widen-clocks")?;
            Ok((clock, event))
        };
        let widening = config.widen_clocks.into_iter().map(breach).collect::<Result<_, PrepareError>>()?;
        let table = Table::prepare(config.default_team, config.routes, config.tiers)?;
        Ok(Self { table, agents, widening, note })
    }
}

impl Policy for Routing {
    fn decide(&self, conversation: &Snapshot, happening: &Happening) -> Result<Vec<Decision>, Fault> {
        Ok(match happening {
            Happening::Message(_) | Happening::Order(_) => self.arrived(conversation).into_iter().collect(),
            Happening::AgentClaimed(agent) => self.agents.claimed(conversation, agent).into_iter().collect(),
            Happening::AgentReplied(_) => self.agents.replied(conversation).into_iter().collect(),
            Happening::ClockBreached(_) => self.breached(conversation, happening),
            _ => Vec::new(),
        })
    }
}

impl Routing {
    /// Where it belongs by what is known of it now.
    fn wanted(&self, conversation: &Snapshot) -> Routed {
        self.table.route(conversation, conversation.current_attribute(WIDENED).is_some())
    }

    fn arrived(&self, conversation: &Snapshot) -> Option<Decision> {
        let Routed { mut route, rule, mut why } = self.wanted(conversation);
        if let Some(team) = conversation.current_team() {
            let before = self.wanted(&Snapshot { decided: Vec::new(), ..conversation.clone() }).route;
            // A team that has it already keeps it, and with it whatever an agent of that team arranged.
            let same = Route { team: before.team.clone(), ..route.clone() } == before;
            if same && (route.team == before.team || route.team == team) {
                return None;
            }
        }
        if let Some((agent, reason)) = self.agents.own(conversation) {
            why += &format!("; E3: {agent} {reason}");
            route.prefer_agent = Some(agent);
        }
        Some(Decision::new(Action::Route(route), rule, why))
    }

    /// It has waited too long for the right agent: any agent of the team is better than none.
    fn breached(&self, conversation: &Snapshot, happening: &Happening) -> Vec<Decision> {
        let breach = self.widening.iter().find(|(_, event)| event.holds(conversation, happening));
        let Some((clock, _)) = breach else { return Vec::new() };
        let done = conversation.current_attribute(WIDENED).is_some();
        if done || conversation.assignee.is_some() || is_emergency(conversation) {
            return Vec::new();
        }
        let wanted = self.wanted(conversation).route;
        let team = conversation.current_team().unwrap_or(&wanted.team).to_owned();
        // What was asked of the agents of a team where it was moved is not known here.
        let moved = team != wanted.team;
        if !moved && wanted.skills.is_empty() && !wanted.senior && self.agents.own(conversation).is_none() {
            return Vec::new();
        }
        let note = self.note.fill(&[&team, clock]);
        let why = format!("clock {clock} is breached: every agent of team {team} may take it");
        let route = Route { team, skills: Vec::new(), prefer_agent: None, senior: false, tier: wanted.tier };
        let fact = Attribute::new(WIDENED, clock);
        vec![
            Decision::new(Action::Route(route), "E8", why),
            Decision::new(Action::SetAttribute(fact), "E8", "a conversation is opened to the whole team once"),
            Decision::new(Action::Note(note), "E8", "whoever takes it knows that it waited too long"),
        ]
    }
}
