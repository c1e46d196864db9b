using System.Text;

namespace RaftKv.Rpc.Tests.Server.Http2;

/// <summary>Writes blocks of headers in all the ways that RFC 7541 knows, as a seed decides. It keeps the table of the reader
/// in mind, and so knows what an index stands for.</summary>
internal sealed class HeaderWriting(int seed)
{
    private const int StaticCount = 61;

    private static readonly string[] Names = [":path", ":authority", "accept", "x", "grpc-timeout", "te", "content-type", "a-long-name-of-its-own", "y-bin"];

    private static readonly Dictionary<string, int> StaticNames = new()
    {
        [":authority"] = 1,
        [":path"] = 4,
        ["accept"] = 19,
        ["content-type"] = 31,
    };

    private readonly Random _chance = new(seed);

    // Newest first.
    private readonly List<(string Name, string Value)> _table = [];
    private int _max = 4096;

    public (byte[] Block, List<(string Name, string Value)> Headers) Next()
    {
        var block = new List<byte>();
        var headers = new List<(string, string)>();
        for (var resizes = _chance.Next(10) == 0 ? _chance.Next(1, 3) : 0; resizes > 0; resizes--)
        {
            _max = _chance.Next(4) switch { 0 => 0, 1 => _chance.Next(0, 300), _ => _chance.Next(0, 4097) };
            Number(block, 0x20, 5, _max);
            Evict();
        }

        for (var left = _chance.Next(0, 12); left > 0; left--)
        {
            headers.Add(_table.Count > 0 && _chance.Next(3) == 0 ? Indexed(block) : Literal(block));
        }

        return ([.. block], headers);
    }

    private (string Name, string Value) Indexed(List<byte> block)
    {
        if (_chance.Next(5) == 0)
        {
            Number(block, 0x80, 7, 16);
            return ("accept-encoding", "gzip, deflate");
        }

        var index = _chance.Next(_table.Count);
        Number(block, 0x80, 7, StaticCount + 1 + index);
        return _table[index];
    }

    private (string Name, string Value) Literal(List<byte> block)
    {
        var name = Names[_chance.Next(Names.Length)];
        var length = _chance.Next(20) switch { 0 => _chance.Next(3000, 5000), 1 => _chance.Next(120, 140), _ => _chance.Next(0, 60) };
        var value = new string([.. Enumerable.Range(0, length).Select(_ => (char)_chance.Next('a', 'z' + 1))]);
        var known = _table.FindIndex(header => header.Name == name);
        var index = _chance.Next(3) == 0 ? 0
            : known >= 0 && _chance.Next(2) == 0 ? StaticCount + 1 + known
            : StaticNames.GetValueOrDefault(name);
        var way = _chance.Next(3);
        Number(block, way switch { 0 => 0x40, 1 => 0x10, _ => 0 }, way == 0 ? 6 : 4, index);
        if (index == 0)
        {
            Text(block, name);
        }

        Text(block, value);
        if (way == 0)
        {
            _table.Insert(0, (name, value));
            Evict();
        }

        return (name, value);
    }

    private void Evict()
    {
        while (_table.Sum(header => header.Name.Length + header.Value.Length + 32) > _max)
        {
            _table.RemoveAt(_table.Count - 1);
        }
    }

    private static void Text(List<byte> block, string text)
    {
        Number(block, 0, 7, text.Length);
        block.AddRange(Encoding.ASCII.GetBytes(text));
    }

    private static void Number(List<byte> block, int flags, int prefixBits, int number)
    {
        var full = (1 << prefixBits) - 1;
        if (number < full)
        {
            block.Add((byte)(flags | number));
            return;
        }

        block.Add((byte)(flags | full));
        for (number -= full; number >= 0x80; number >>= 7)
        {
            block.Add((byte)(number | 0x80));
        }

        block.Add((byte)number);
    }
}
