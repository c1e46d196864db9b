using System.Buffers.Binary;
using System.Globalization;
using System.Text;

namespace RaftKv.Cli.Discovery;

/// <summary>Questions for SRV records and their answers, as they go over the wire (RFC 1035, RFC 2782).</summary>
internal static class DnsMessage
{
    private const int HeaderBytes = 12;
    private const ushort Srv = 33;
    private const ushort Internet = 1;
    private const ushort RecursionDesired = 0x0100;
    private const ushort IsResponse = 0x8000;
    private const ushort IsCut = 0x0200;
    private const int NameBytesMax = 255;

    /// <exception cref="DnsFailure">The name cannot be one.</exception>
    public static byte[] Question(ushort id, string name)
    {
        var bytes = new List<byte>(HeaderBytes + name.Length + 6);
        Number(bytes, id);
        Number(bytes, RecursionDesired);
        Number(bytes, 1);
        bytes.AddRange(new byte[6]);
        foreach (var label in name.TrimEnd('.').Split('.'))
        {
            var text = Encoding.ASCII.GetBytes(label);
            if (text.Length is 0 or > 63 || name.Length > NameBytesMax - 2)
            {
                throw new DnsFailure($"'{name}' is no name that DNS could know.");
            }

            bytes.Add((byte)text.Length);
            bytes.AddRange(text);
        }

        bytes.Add(0);
        Number(bytes, Srv);
        Number(bytes, Internet);
        return [.. bytes];
    }

    /// <summary>Whether this answers the question at all; someone else's answer is not looked at.</summary>
    public static bool Answers(ReadOnlySpan<byte> answer, ReadOnlySpan<byte> question)
        => answer.Length >= HeaderBytes
            && answer[..2].SequenceEqual(question[..2])
            && (BinaryPrimitives.ReadUInt16BigEndian(answer[2..]) & IsResponse) != 0
            && answer.Length >= question.Length
            && Encoding.ASCII.GetString(answer[HeaderBytes..question.Length]).Equals(
                Encoding.ASCII.GetString(question[HeaderBytes..]), StringComparison.OrdinalIgnoreCase);

    /// <summary>Whether there was more than a datagram holds.</summary>
    public static bool IsTruncated(ReadOnlySpan<byte> answer) => (BinaryPrimitives.ReadUInt16BigEndian(answer[2..]) & IsCut) != 0;

    /// <returns>None if there is no such name, or none of that kind under it.</returns>
    /// <exception cref="DnsFailure">The server could not tell, or what it says cannot be read.</exception>
    public static IReadOnlyList<SrvRecord> Records(ReadOnlySpan<byte> answer, int questionBytes)
    {
        switch (BinaryPrimitives.ReadUInt16BigEndian(answer[2..]) & 0xf)
        {
            case 0:
                break;
            case 3:
                return [];
            case var code:
                throw new DnsFailure($"The DNS server cannot tell (code {code.ToString(CultureInfo.InvariantCulture)}).");
        }

        var records = new List<SrvRecord>();
        try
        {
            var at = questionBytes;
            for (var left = BinaryPrimitives.ReadUInt16BigEndian(answer[6..]); left > 0; left--)
            {
                _ = Name(answer, ref at);
                var kind = BinaryPrimitives.ReadUInt16BigEndian(answer[at..]);
                var length = BinaryPrimitives.ReadUInt16BigEndian(answer[(at + 8)..]);
                var data = at + 10;
                if (kind == Srv)
                {
                    var host = data + 6;
                    records.Add(new SrvRecord(
                        Name(answer, ref host),
                        BinaryPrimitives.ReadUInt16BigEndian(answer[(data + 4)..]),
                        BinaryPrimitives.ReadUInt16BigEndian(answer[data..]),
                        BinaryPrimitives.ReadUInt16BigEndian(answer[(data + 2)..])));
                }

                at = data + length;
            }
        }
        catch (Exception cut) when (cut is ArgumentOutOfRangeException or IndexOutOfRangeException)
        {
            throw new DnsFailure("The DNS server's answer is cut short.", cut);
        }

        return records;
    }

    // Part of a name may stand elsewhere in the message, further to the front.
    private static string Name(ReadOnlySpan<byte> message, ref int at)
    {
        var name = new StringBuilder();
        var place = at;
        var hasJumped = false;
        while (true)
        {
            var length = message[place];
            if (length >= 0xc0)
            {
                var target = BinaryPrimitives.ReadUInt16BigEndian(message[place..]) & 0x3fff;
                if (target >= place)
                {
                    throw new DnsFailure("A name in the DNS server's answer leads nowhere.");
                }

                if (!hasJumped)
                {
                    (at, hasJumped) = (place + 2, true);
                }

                place = target;
                continue;
            }

            if (length == 0)
            {
                at = hasJumped ? at : place + 1;
                return name.ToString();
            }

            if (name.Length + length > NameBytesMax)
            {
                throw new DnsFailure("A name in the DNS server's answer is too long.");
            }

            name.Append(name.Length > 0 ? "." : "").Append(Encoding.ASCII.GetString(message.Slice(place + 1, length)));
            place += 1 + length;
        }
    }

    private static void Number(List<byte> bytes, ushort value)
    {
        bytes.Add((byte)(value >> 8));
        bytes.Add((byte)value);
    }
}
