"""What python-telegram-bot makes and reads, as JSON on standard output: updates with what it sees in them, and the calls
that its own client makes for the acts of our adapter."""

import asyncio
import datetime
import json

from telegram import (Animation, Audio, Bot, CallbackQuery, Chat, Contact, Document, Location, Message, PhotoSize,
                      ReplyParameters, Sticker, Update, User, Video, VideoNote, Voice)
from telegram.request import BaseRequest

CALLS = []
SENT = {"ok": True, "result": {"message_id": 7, "date": 1, "chat": {"id": 42, "type": "private"}}}


class Captured(BaseRequest):
    """Takes requests down instead of sending them."""

    read_timeout = 1

    async def initialize(self):
        pass

    async def shutdown(self):
        pass

    async def do_request(self, url, method, request_data=None, **_):
        CALLS.append({"url": url, "method": method, "body": request_data.parameters})
        return 200, json.dumps(SENT).encode()


def at(seconds):
    return datetime.datetime.fromtimestamp(seconds, datetime.timezone.utc)


USER = User(42, "王", False, last_name="小明", language_code="zh")
CHAT = Chat(42, Chat.PRIVATE, first_name="王", last_name="小明")
GROUP = Chat(-7, Chat.GROUP, title="friends")


def message(number, chat=CHAT, **what):
    return Message(number, at(1760000000 + number), chat, from_user=USER, **what)


first = message(5, text="订单 1001 的包裹呢？😀")
MESSAGES = [
    first,
    message(6, text="and this?", reply_to_message=first),
    message(7, caption="broken", photo=[PhotoSize("small", "u1", 9, 9), PhotoSize("large", "u2", 900, 900)]),
    message(8, photo=[PhotoSize("only", "u3", 9, 9)]),
    message(9, document=Document("doc", "u4", file_name="invoice.pdf", mime_type="application/pdf")),
    message(10, voice=Voice("voice", "u5", 3)),
    message(11, audio=Audio("audio", "u6", 3)),
    message(12, video=Video("video", "u7", 9, 9, 3)),
    message(13, video_note=VideoNote("note", "u8", 9, 3)),
    message(14, sticker=Sticker("sticker", "u9", 9, 9, False, False, "regular")),
    # A client's document as well, as the Bot API sends animations.
    message(15, animation=Animation("gif", "u10", 9, 9, 3), document=Document("gif", "u10")),
    message(16, contact=Contact("+8613800138000", "张三", last_name="先生")),
    message(17, location=Location(121.47, 31.23)),
]


def words(message):
    """The text, or what stands for it."""
    if message.contact:
        return f"[contact] {message.contact.first_name} {message.contact.last_name} {message.contact.phone_number}"
    if message.location:
        return f"[location] {message.location.latitude} {message.location.longitude}"
    kinds = ("photo", "animation", "document", "voice", "audio", "video", "video_note", "sticker")
    return message.text or message.caption or f"[{next(kind for kind in kinds if getattr(message, kind))}]"


def seen(message, edited=False):
    """What the library itself says of a message. An edit answers what it changes."""
    attached = message.effective_attachment
    attached = attached[-1] if isinstance(attached, (list, tuple)) else attached
    answered = message if edited else message.reply_to_message
    moment = message.edit_date if edited else message.date
    return {
        "id": f"{message.chat_id}/{message.message_id}" + (f"@{int(moment.timestamp())}" if edited else ""),
        "sent-at": int(moment.timestamp() * 1000), "from": f"telegram/{message.from_user.id}",
        "name": message.from_user.full_name, "thread": str(message.chat_id), "text": words(message),
        "file": getattr(attached, "file_id", None),
        "in-reply-to": answered and f"{answered.chat_id}/{answered.message_id}",
    }


edited = Message(5, at(1760000005), CHAT, from_user=USER, text="order 1002, sorry", edit_date=at(1760000100))
updates = [(Update(100 + m.message_id, message=m), seen(m)) for m in MESSAGES]
updates.append((Update(201, edited_message=edited), seen(edited, True)))
updates += [(update, None) for update in (
    Update(202, channel_post=message(20, text="x")),
    Update(203, callback_query=CallbackQuery("1", USER, "c", message=first, data="x")),
    Update(204, message=message(21, GROUP, text="x")),
)]


async def calls():
    bot = Bot("1:TOKEN", request=Captured(), get_updates_request=Captured())
    await bot.send_message("42", "您好", reply_parameters=ReplyParameters(5, allow_sending_without_reply=True))


asyncio.run(calls())
print(json.dumps({"updates": [{"update": u.to_json(), "seen": s} for u, s in updates], "calls": CALLS}))
