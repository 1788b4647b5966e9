//! The new text of a mail apart from the history it quotes.
//!
//! Lines are given a kind, the sentences and header blocks that introduce history are found (`embed`), and then a few
//! rules decide, the same for every language and client:
//!
//! 1. Below a header block or a marker such as `----- Original Message -----` everything is history.
//! 2. Below "… wrote:" quoted lines are history; new text between or below them is kept with them, because it answers them.
//!    Where no quoted line follows, everything below is history.
//! 3. A mail that begins with its history has its new text below; a forwarded mail without a word above it keeps its text.
//! 4. At the end go quoted lines, signatures and what phones add.
//!
//! Nothing is thrown away: what is not new text is history. Text is never empty where the mail was not.
mod embed;
mod lines;
mod words;

use embed::{Embed, Kind as EmbedKind};
use lines::{Kind, Lines};

/// A text in two.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Split {
    /// What the author wrote now.
    pub text: String,
    /// The rest, in its order. None where there is none.
    pub quoted: Option<String>,
}

/// New text and history. `markers`: beginnings of lines that introduce history in the operator's own world.
pub fn split(text: &str, markers: &[String]) -> Split {
    let lines = Lines::new(text);
    let embeds = embed::find(&lines, markers);
    let mut keep = vec![true; lines.len()];
    let mut from = lines.first_filled(0);

    // History first (rule 3).
    let mut forwarded = false;
    while let Some(embed) = embed::at(&embeds, from) {
        keep[embed.start..embed.end].fill(false);
        let below = lines.first_filled(embed.end);
        match embed.kind {
            EmbedKind::Sentence if lines.is_quote(below) => {
                let end = lines.quote_end(below);
                let Some(answer) = new_text_below(&lines, &embeds, end) else {
                    from = below;
                    break;
                };
                // Answers between quotations need all of them; one answer below one quotation needs none.
                let between = (answer..lines.len()).find(|at| lines.is_quote(*at));
                if between.is_none_or(|quote| new_text_below(&lines, &embeds, lines.quote_end(quote)).is_none()) {
                    keep[below..end].fill(false);
                    from = lines.first_filled(end);
                } else {
                    from = below;
                    break;
                }
            }
            EmbedKind::Sentence => from = below,
            EmbedKind::Block => {
                from = below;
                forwarded = true;
                break;
            }
        }
    }

    // History below new text (rules 1 and 2).
    let mut end = lines.len();
    if !forwarded {
        // New text that was found below one quotation is below all those above it: looked for once.
        let mut answer = None;
        for embed in embeds.iter().filter(|embed| embed.start > from) {
            let below = lines.first_filled(embed.end);
            let quotes = embed.kind == EmbedKind::Sentence && lines.is_quote(below);
            if quotes && answer.is_none_or(|answer| answer < below) {
                answer = new_text_below(&lines, &embeds, lines.quote_end(below));
            }
            if !quotes || answer.is_none() {
                end = embed.start;
                break;
            }
            keep[embed.start..embed.end].fill(false);
        }
        end = lines.without_tail(from, end);
    }

    keep[..from.min(end)].fill(false);
    keep[end..].fill(false);
    let speaks = |at: usize| {
        let line = lines.get(at).trim_start_matches([' ', '>', '|', '\t']).trim();
        lines.kind(at) != Kind::Blank && !line.is_empty() && !embed::is_sentence(line)
    };
    if !(0..lines.len()).any(|at| keep[at] && speaks(at)) {
        // Nothing but history: show what of it says something.
        keep.fill(true);
        for embed in &embeds {
            keep[embed.start..embed.end].fill(false);
        }
        if !(0..lines.len()).any(|at| keep[at] && speaks(at)) {
            keep.fill(false);
        }
    }
    let new = lines.joined(&keep, true);
    let old = lines.joined(&keep, false);
    Split { text: trimmed(&new).to_owned(), quoted: Some(trimmed(&old).to_owned()).filter(|old| !old.is_empty()) }
}

/// Empty lines go at both ends; the first line keeps its indentation.
fn trimmed(text: &str) -> &str {
    let text = text.trim_end();
    let start = text.len() - text.trim_start().len();
    let line = text[..start].rfind('\n').map_or(0, |at| at + 1);
    &text[line..]
}

/// The first line of new text at or below `from`, past quotations and sentences that introduce them. None where only
/// history, a signature or nothing follows.
fn new_text_below(lines: &Lines<'_>, embeds: &[Embed], from: usize) -> Option<usize> {
    let mut at = from;
    loop {
        at = lines.first_filled(at);
        if at >= lines.len() {
            return None;
        }
        if let Some(embed) = embed::at(embeds, at) {
            let below = lines.first_filled(embed.end);
            if embed.kind == EmbedKind::Block || !lines.is_quote(below) {
                return None;
            }
            at = below;
        } else if lines.is_quote(at) {
            at = lines.quote_end(at);
        } else if lines.kind(at) == Kind::Delimiter {
            if lines.is_signature(at, lines.len()) {
                return None;
            }
            at += 1;
        } else if lines::is_device_line(lines.get(at)) {
            at += 1;
        } else {
            return Some(at);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(mail: &str, text: &str, quoted: Option<&str>) {
        let split = split(mail, &[]);
        assert_eq!(split.text, text);
        assert_eq!(split.quoted.as_deref(), quoted);
    }

    #[test]
    fn clients() {
        for (name, history) in [
            (
                "Gmail",
                "On Mon, Feb 1, 2024 at 6:32 PM Shop <support@shop.example> wrote:\n\n> Hello,\n> it is on its way.",
            ),
            (
                "Gmail, wrapped",
                "On Mon, Feb 1, 2024 at 6:32 PM A Rather Long Name Of A Shop <\nsupport@shop.example> wrote:\n\n> Hello",
            ),
            ("Gmail, Chinese", "客服 <support@shop.example> 于2024年5月3日周五 10:12写道：\n\n> 您好"),
            ("Gmail, Taiwan", "客服 <support@shop.example> 於 2024年5月3日 週五 上午10:12寫道：\n\n> 您好"),
            ("Gmail, Japanese", "2024年5月3日(金) 10:12 Shop <support@shop.example>:\n\n> こんにちは"),
            ("Gmail, Korean", "2024년 5월 3일 (금) 오전 10:12, Shop <support@shop.example>님이 작성:\n\n> 안녕하세요"),
            ("Apple Mail", "> On 3 May 2024, at 10:12, Shop <support@shop.example> wrote:\n>\n> Hello"),
            ("Apple Mail, Chinese", "> 在 2024年5月3日，上午10:12，客服 <support@shop.example> 写道：\n>\n> 您好"),
            (
                "Apple Mail, unquoted",
                "在 2024年5月3日，上午10:12，客服 <support@shop.example> 写道：\n\n您好，已经发货。",
            ),
            (
                "Outlook",
                "From: Shop <support@shop.example>\nSent: Friday, May 3, 2024 10:12 AM\nTo: Zhang San <zhang@example.cn>\nSubject: Re: order\n\nHello",
            ),
            (
                "Outlook, line",
                "________________________________\nFrom: Shop <support@shop.example>\nSent: Friday, May 3, 2024 10:12 AM\nTo: Zhang\nSubject: Re: order\n\nHello",
            ),
            (
                "Outlook, old",
                "-----Original Message-----\nFrom: Shop [mailto:support@shop.example]\nSent: Friday\nTo: Zhang\nSubject: order\n\nHello",
            ),
            (
                "Outlook, Chinese",
                "发件人: 客服 <support@shop.example>\n发送时间: 2024年5月3日 10:12\n收件人: 张三 <zhang@example.cn>\n主题: Re: 订单\n\n您好",
            ),
            (
                "Outlook, old Chinese",
                "-----邮件原件-----\n发件人: 客服 [mailto:support@shop.example]\n发送时间: 2024年5月3日 10:12\n收件人: 张三\n主题: 订单\n\n您好",
            ),
            (
                "Outlook, Taiwan",
                "寄件者: 客服 <support@shop.example>\n寄件日期: 2024年5月3日 上午 10:12\n收件者: 張三\n主旨: Re: 訂單\n\n您好",
            ),
            (
                "Outlook, German",
                "Von: Shop <support@shop.example>\nGesendet: Freitag, 3. Mai 2024 10:12\nAn: Max\nBetreff: AW: Bestellung\n\nHallo",
            ),
            (
                "QQ",
                "------------------ 原始邮件 ------------------\n发件人: \"客服\"<support@shop.example>;\n发送时间: 2024年5月3日(星期五) 上午10:12\n收件人: \"张三\"<zhang@qq.com>;\n主题: Re: 订单\n\n您好",
            ),
            (
                "QQ, phone",
                "---Original---\nFrom: \"客服\"<support@shop.example>\nDate: Fri, May 3, 2024 10:12 AM\nTo: \"张三\"<zhang@qq.com>;\nSubject: Re: 订单\n\n您好",
            ),
            ("163", "At 2024-05-03 10:12:00, \"客服\" <support@shop.example> wrote:\n\n>您好\n>已发货"),
            ("163, Chinese", "在 2024-05-03 10:12:00，\"客服\" <support@shop.example> 写道：\n\n您好，已发货"),
            (
                "163, phone",
                "---- 回复的原邮件 ----\n| 发件人 | 客服<support@shop.example> |\n| 日期 | 2024年05月03日 10:12 |\n| 收件人 | 张三<zhang@163.com> |\n| 主题 | Re: 订单 |\n您好",
            ),
            (
                "126",
                "-----原始邮件-----\n发件人:\"客服\" <support@shop.example>\n发送时间:2024-05-03 10:12:00 (星期五)\n收件人: \"张三\" <zhang@126.com>\n主题: Re: 订单\n\n您好",
            ),
            ("Foxmail", "发件人： 客服\n发送时间： 2024-05-03 10:12\n收件人： zhang\n主题： Re: 订单\n\n您好"),
            (
                "Alibaba",
                "------------------------------------------------------------------\n发件人：客服 <support@shop.example>\n发送时间：2024年5月3日(星期五) 10:12\n收件人：张三 <zhang@aliyun.com>\n主　题：Re: 订单\n\n您好",
            ),
            ("Thunderbird, French", "Le 03/05/2024 à 10:12, Shop a écrit :\n> Bonjour"),
            ("Yahoo", "On Friday, May 3, 2024, 10:12 AM, Shop <support@shop.example> wrote:\n\nHello"),
            ("Zoho", "---- On Fri, 03 May 2024 10:12:00 +0800 Shop <support@shop.example> wrote ----\n\nHello"),
        ] {
            let split = split(&format!("还没有收到，请查一下。\nThanks\n\n{history}\n"), &[]);
            assert_eq!(split.text, "还没有收到，请查一下。\nThanks", "{name}");
            assert_eq!(split.quoted.as_deref(), Some(history), "{name}");
        }
    }

    #[test]
    fn languages() {
        let mut wrong = Vec::new();
        for sentence in [
            "Le ven. 3 mai 2024 à 10:12, Shop <support@shop.example> a écrit :",
            "El vie, 3 may 2024 a las 10:12, Shop (<support@shop.example>) escribió:",
            "Il giorno ven 3 mag 2024 alle ore 10:12 Shop <support@shop.example> ha scritto:",
            "Em sex., 3 de mai. de 2024 às 10:12, Shop <support@shop.example> escreveu:",
            "Am Fr., 3. Mai 2024 um 10:12 Uhr schrieb Shop <support@shop.example>:",
            "Op vr 3 mei 2024 om 10:12 schreef Shop <support@shop.example>:",
            "Den fre 3 maj 2024 kl 10:12 skrev Shop <support@shop.example>:",
            "pe 3. toukok. 2024 klo 10.12 Shop (support@shop.example) kirjoitti:",
            "pt., 3 maj 2024 o 10:12 Shop <support@shop.example> napisał(a):",
            "пт, 3 мая 2024 г. в 10:12, Shop <support@shop.example>:",
            "пт, 3 трав. 2024 р. о 10:12 Shop <support@shop.example> пише:",
            "3 May 2024 Cum 10:12 tarihinde Shop <support@shop.example> şunu yazdı:",
            "Shop <support@shop.example> ezt írta (időpont: 2024. máj. 3., P, 10:12):",
            "Vào Th 6, 3 thg 5, 2024 vào lúc 10:12 Shop <support@shop.example> đã viết:",
            "เมื่อ ศ. 3 พ.ค. 2024 เวลา 10:12 Shop <support@shop.example> เขียนว่า:",
            "Pada tanggal Jum, 3 Mei 2024 pukul 10.12 Shop <support@shop.example> menulis:",
            "בתאריך יום ו׳, 3 במאי 2024 ב-10:12 מאת Shop <support@shop.example>:",
            "pá 3. 5. 2024 v 10:12 odesílatel Shop <support@shop.example> napsal:",
            "On 2024-05-03 10:12, Shop wrote:",
            "Shop wrote on 03/05/2024 10:12:",
            "2024年5月3日 10:12、Shop <support@shop.example>のメール:",
            "2024-05-03 10:12:00，客服 <support@shop.example> 写道：",
        ] {
            let mail = format!("New text.\n\n{sentence}\n\n> Old text.\n> More.\n");
            wrong.extend((split(&mail, &[]).text != "New text.").then_some(sentence));
        }
        for block in [
            "De: Shop <support@shop.example>\nEnviado el: viernes, 3 de mayo de 2024 10:12\nPara: Ana\nAsunto: RE: pedido",
            "De : Shop <support@shop.example>\nEnvoyé : vendredi 3 mai 2024 10:12\nÀ : Luc\nObjet : RE: commande",
            "Da: Shop <support@shop.example>\nInviato: venerdì 3 maggio 2024 10:12\nA: Ugo\nOggetto: R: ordine",
            "От: Shop <support@shop.example>\nОтправлено: 3 мая 2024 г. 10:12\nКому: Иван\nТема: Re: заказ",
            "差出人: Shop <support@shop.example>\n送信日時: 2024年5月3日 10:12\n宛先: 山田\n件名: Re: 注文",
            "보낸 사람: Shop <support@shop.example>\n보낸 날짜: 2024년 5월 3일 금요일 10:12\n받는 사람: 김\n제목: Re: 주문",
            "**From:** Shop <support@shop.example>\n**Sent:** Friday, May 3, 2024\n**To:** Max\n**Subject:** Re: order",
            "From: Shop <support@shop.example>\n\nSent: Friday, May 3, 2024\n\nTo: Max\n\nSubject: Re: order",
            "-------- Weitergeleitete Nachricht --------\nBetreff: Bestellung\nDatum: Fri, 3 May 2024 10:12:00 +0200\nVon: Shop <support@shop.example>\nAn: Max",
        ] {
            let mail = format!("New text.\n\n{block}\n\nOld text.\n");
            wrong.extend((split(&mail, &[]).text != "New text.").then_some(block));
        }
        assert!(wrong.is_empty(), "{wrong:#?}");
    }

    #[test]
    fn what_looks_like_history_and_is_none() {
        for mail in [
            "On Monday I ordered two chairs.\nOne came.\n\nPlease help.",
            "From: Beijing\nTo: Shanghai\nDate: 5 May\n\nWhere is my parcel?",
            "My address:\nZhang San\nRoom 5",
            "As I wrote in my mail of 12 May:\nthe colour is wrong.",
            "收件人：张三\n电话：13800138000\n请改成这个地址",
            "a -> b\nx > y\n3 > 2",
            "------\n订单号：20240503\n------\n请退款",
            "主题：退款\n内容：衣服破了",
            "The invoice says:\n\"paid\"\nbut it is not.",
            "I sent from Hamburg yesterday.",
            "Ordered on 3 May 2024:\n- two chairs\n- one table",
            "Delivered at 10:12 to the wrong address:\nMain Street 5",
            "订单号：20240503\n日期：2024-05-03\n问题：没有收到",
            "在 2024年5月3日 我下了订单：\n椅子两把",
            "2024-05-03 10:12 ordered\n2024-05-04 shipped\nnothing since",
            "姓名：张三\n收件人：李四\n主题：换货\n地址：北京",
        ] {
            check(mail, mail, None);
        }
    }

    #[test]
    fn answers_between_quotations_keep_them() {
        check(
            "On 3 May 2024, Shop <s@shop.example> wrote:\n> Colour?\n\nRed.\n\n> Size?\n\nXL.\n\n-- \nMe",
            "> Colour?\n\nRed.\n\n> Size?\n\nXL.",
            Some("On 3 May 2024, Shop <s@shop.example> wrote:\n\n-- \nMe"),
        );
        check(
            "On 3 May 2024, Shop <s@shop.example> wrote:\n> Colour?\n\nRed.",
            "Red.",
            Some("On 3 May 2024, Shop <s@shop.example> wrote:\n> Colour?"),
        );
    }

    #[test]
    fn a_forwarded_mail_keeps_its_text() {
        check(
            "---------- Forwarded message ---------\nFrom: A <a@b.c>\nDate: Tue, Jan 1, 2019\nSubject: x\nTo: <d@e.f>\n\nSee this.\n\n> and this\n",
            "See this.\n\n> and this",
            Some(
                "---------- Forwarded message ---------\nFrom: A <a@b.c>\nDate: Tue, Jan 1, 2019\nSubject: x\nTo: <d@e.f>",
            ),
        );
        check("> only a quotation", "> only a quotation", None);
    }

    #[test]
    fn the_operators_own_markers() {
        let markers = ["##- Please type your reply above".to_owned()];
        let split = split("ok\n\n##- Please type your reply above this line -##\nold", &markers);
        assert_eq!(split.text, "ok");
    }

    #[test]
    fn long_input_costs_no_more_than_its_lines() {
        for piece in [
            "> ",
            "a:\n",
            "wrote:\n",
            "On 1 1:\n",
            "From: a@b\n",
            "\n",
            "-\n",
            "x wrote:\n> q\nt\n",
            "-- \n",
            "Sent: 1\n",
            "2024 10:00 <\n",
            "<\n\n",
            "On 3 May 2024 a@b wrote:\n",
            "On 3 May 2024 a@b wrote:\n> x\n\n",
        ] {
            let text = piece.repeat(256 * 1024 / piece.len());
            let started = std::time::Instant::now();
            split(&text, &[]);
            assert!(started.elapsed().as_millis() < 2_000, "{piece:?} takes {:?}", started.elapsed());
        }
    }
}
