"""Somebody else's IMAP client: IMAPClient, told what to do by one JSON order a line, answering each with one line.

Arguments: port, user, password. Orders, with the folder as people write it:
  {"do": "append", "folder": F, "mails": [text, ...]}   the texts are sent as UTF-8
  {"do": "create", "folder": F}
  {"do": "expunge", "folder": F, "uids": [n, ...]}
  {"do": "list", "folder": F}                            answers [{"uid": n, "flags": [...], "id": Message-ID}, ...]
"""

import json
import sys

from imapclient import IMAPClient

ID = b"BODY[HEADER.FIELDS (MESSAGE-ID)]"


def obey(client, order):
    folder = order["folder"]
    match order["do"]:
        case "append":
            for mail in order["mails"]:
                client.append(folder, mail.encode())
        case "create":
            client.create_folder(folder)
        case "expunge":
            client.select_folder(folder)
            client.delete_messages(order["uids"], silent=True)
            client.expunge(order["uids"])
            client.unselect_folder()
        case "list":
            client.select_folder(folder, readonly=True)
            uids = client.search("ALL")
            mails = client.fetch(uids, ["FLAGS", "BODY.PEEK[HEADER.FIELDS (MESSAGE-ID)]"]) if uids else {}
            client.close_folder()
            return [
                {
                    "uid": uid,
                    "flags": [flag.decode() for flag in mail[b"FLAGS"]],
                    "id": mail[ID].decode().partition(":")[2].strip(),
                }
                for uid, mail in sorted(mails.items())
            ]
        case other:
            raise ValueError(f"no such order: {other}")
    return None


def main():
    port, user, password = int(sys.argv[1]), sys.argv[2], sys.argv[3]
    client = IMAPClient("127.0.0.1", port, ssl=False)
    client.login(user, password)
    print(json.dumps({"capabilities": [name.decode() for name in client.capabilities()]}), flush=True)
    for line in sys.stdin:
        print(json.dumps({"done": obey(client, json.loads(line))}), flush=True)


main()
