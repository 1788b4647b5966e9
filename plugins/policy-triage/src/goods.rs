//! Which products and which region a conversation is about (C8), from its orders and from what is known of the customer.
use std::collections::BTreeMap;

use tributary_sdk::desk::Snapshot;
use tributary_sdk::types::{Attribute, Order, OrderLine};

use crate::config::{Config, Product, Rule};
use tributary_sdk::text::Normaliser;

/// Letters of a name that a marketplace chose; a tag is no place for more.
const LONGEST_NAME: usize = 40;

/// Names for products and regions.
pub struct Goods {
    products: Vec<Product>,
    most_skus: usize,
    region_attributes: Vec<String>,
    regions: BTreeMap<String, String>,
}

impl Goods {
    /// Bring the words of titles and the names of regions into the form they are compared in.
    pub fn new(config: &Config, normaliser: &Normaliser) -> Self {
        let plain = |word: &String| normaliser.apply(word).trim().trim_end_matches('*').to_owned();
        let product = |product: &Product| Product {
            words: product.words.iter().map(plain).collect(),
            skus: product.skus.clone(),
            name: product.name.clone(),
        };
        Self {
            products: config.products.iter().map(product).collect(),
            most_skus: config.most_skus as usize,
            region_attributes: config.region_attributes.clone(),
            regions: config.regions.iter().map(|(name, called)| (plain(name), called.clone())).collect(),
        }
    }

    /// The rules by which a message's own words name products.
    pub fn rules(products: &[Product]) -> impl Iterator<Item = Rule> {
        products.iter().filter(|product| !product.words.is_empty()).map(|product| Rule {
            id: "C8".into(),
            means: format!("the product “{}”", product.name),
            says: None,
            weight: None,
            tags: vec![format!("product:{}", product.name)],
            words: product.words.clone(),
            together: Vec::new(),
            unless: Vec::new(),
            negatable: false,
        })
    }

    /// The products of orders: tags, and why.
    pub fn products(&self, orders: &[Order], normaliser: &Normaliser) -> Vec<(String, String)> {
        let mut tags = Vec::new();
        let mut skus = 0;
        let lines = orders.iter().flat_map(|order| order.lines.iter().map(move |line| (order, line)));
        for (order, line) in lines {
            let name = match self.products.iter().find(|product| product.is(line, normaliser)) {
                Some(product) => product.name.clone(),
                None if skus < self.most_skus && !line.sku.is_empty() => {
                    skus += 1;
                    short(&line.sku)
                }
                None => continue,
            };
            let why = format!("order {} has “{}” ({})", order.id, short(&line.title), short(&line.sku));
            tags.push((format!("product:{name}"), why));
        }
        tags
    }

    /// The region: a tag, and why.
    pub fn region(
        &self,
        orders: &[Order],
        others: &[&[Attribute]],
        normaliser: &Normaliser,
    ) -> Option<(String, String)> {
        let of_orders = || orders.iter().rev().map(|order| order.attributes.as_slice());
        let named = |name: &String| {
            let sources = of_orders().chain(others.iter().copied());
            sources.flatten().find(|fact| fact.name == *name && !fact.value.trim().is_empty())
        };
        let fact = self.region_attributes.iter().find_map(named)?;
        let plain = normaliser.apply(&fact.value).trim().to_owned();
        let region = self.regions.get(&plain).cloned().unwrap_or_else(|| short(&plain));
        Some((format!("region:{region}"), format!("{} is “{}”", fact.name, short(&fact.value))))
    }
}

/// What is known of the customer and the conversation.
pub fn known(conversation: &Snapshot) -> [&[Attribute]; 2] {
    [&conversation.attributes, &conversation.contact.attributes]
}

impl Product {
    fn is(&self, line: &OrderLine, normaliser: &Normaliser) -> bool {
        let sku = |pattern: &String| match pattern.strip_suffix('*') {
            Some(beginning) => line.sku.starts_with(beginning),
            None => line.sku == *pattern,
        };
        let title = normaliser.apply(&line.title);
        self.skus.iter().any(sku) || self.words.iter().any(|word| title.contains(word.as_str()))
    }
}

fn short(name: &str) -> String {
    name.trim().chars().take(LONGEST_NAME).collect()
}
