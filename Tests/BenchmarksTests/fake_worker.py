"""A worker that answers the protocol with scripted times and faults: NAME=VALUE words say which.

time_ns=N: each run takes so long.  output=X: the element of its one output.  precision=P.
crash=VERB, hang=VERB, babble=VERB, unsupported=VERB, error=VERB: what it does when asked VERB.
answer=VERB:TEXT: its whole answer (\\t for tabs).  after=N: faults of 'run' begin with the N-th.  log=FILE: verbs are noted.
"""

import os
import struct
import sys
import time

script = dict(word.split("=", 1) for word in sys.argv[1:])
runs = 0


def say(text):
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def write_npy(path, values):
    header = "{'descr': '<f4', 'fortran_order': False, 'shape': (1, %d), }" % len(values)
    header += " " * ((64 - (11 + len(header)) % 64) % 64) + "\n"
    with open(path, "wb") as file:
        file.write(b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header.encode())
        file.write(struct.pack("<%df" % len(values), *values))


def answer(verb, fields):
    time_ns = int(script.get("time_ns", 1000))
    if verb == "hello":
        return ("ok\tengine=fake\tversion=1.0\tprecision=%s\tcall=nothing\tpackage_bytes=1000\tbase_bytes=2000"
                % script.get("precision", "f32"))
    if verb == "prepare":
        return "ok\tload_ns=3000000\tfirst_ns=4000000\tpeak_bytes=5000\trise_bytes=3000"
    if verb == "run":
        count = max(1, min(int(fields["maximum"]), int(float(fields["seconds"]) * 1e9 / time_ns), 50))
        return "ok\ttimes_ns=" + ",".join(str(time_ns + i % 3) for i in range(count))
    if verb == "outputs":
        write_npy(os.path.join(fields["directory"], "output_0.npy"), [float(script.get("output", 1)), 0.5])
        return "ok\tcount=1"
    if verb == "evaluate":
        return "ok\tcorrect=%d\tloss=0.25\ttotal_ns=%d\tpeak_bytes=6000" % (
            int(fields["count"]) - 1, int(fields["count"]) * time_ns)
    if verb == "load":
        return "ok\twall_ns=%d\tlatencies_ns=%s" % (10 * time_ns, ",".join([str(time_ns)] * 10))
    return "error\tmessage=unknown verb"


for line in sys.stdin:
    verb, *rest = line.rstrip("\n").split("\t")
    fields = dict(field.split("=", 1) for field in rest)
    if "log" in script:
        with open(script["log"], "a") as file:
            file.write("%s %s\n" % (script.get("name", "fake"), verb))
    if verb == "quit":
        say("ok")
        break
    due = True
    if verb == "run":
        runs += 1
        due = runs >= int(script.get("after", 1))
    if due and script.get("crash") == verb:
        sys.stderr.write("a scripted fall\n")
        sys.stderr.flush()
        os._exit(7)
    if due and script.get("hang") == verb:
        time.sleep(600)
    if due and script.get("babble") == verb:
        say("words of a library")
    if due and script.get("unsupported") == verb:
        say("unsupported\treason=no such operator")
        continue
    if due and script.get("error") == verb:
        say("error\tmessage=a scripted error")
        continue
    whole = script.get("answer", "").split(":", 1)
    if due and whole[0] == verb:
        say(whole[1].replace("\\t", "\t"))
        continue
    say(answer(verb, fields))
