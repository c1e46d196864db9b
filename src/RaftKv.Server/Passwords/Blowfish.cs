using System.Buffers.Binary;
using System.Security.Cryptography;

namespace RaftKv.Server.Passwords;

/// <summary>
/// Blowfish, as far as bcrypt needs it: keys are mixed in with a salt and over and over again, and only single blocks are
/// encrypted. It is no cipher to hide data with.
/// </summary>
internal sealed class Blowfish : IDisposable
{
    private const int Rounds = 16;
    private const int SubkeyCount = Rounds + 2;
    private const int BoxSize = 256;
    private const int BoxCount = 4;

    private static readonly Lazy<uint[]> Beginning = new(() => PiWords.First(SubkeyCount + (BoxCount * BoxSize)));

    // The subkeys, and behind them the four boxes: the order in which all of them are filled.
    private readonly uint[] _words = [.. Beginning.Value];

    /// <summary>Mixes in a key.</summary>
    /// <param name="key">Not empty; as much of it as there are subkeys, from the start again if it is shorter.</param>
    public void Mix(ReadOnlySpan<byte> key) => Mix(key, []);

    /// <summary>Mixes in a key and a salt.</summary>
    /// <param name="key">As above.</param>
    /// <param name="salt">The same.</param>
    public void Mix(ReadOnlySpan<byte> key, ReadOnlySpan<byte> salt)
    {
        var at = 0;
        for (var i = 0; i < SubkeyCount; i++)
        {
            _words[i] ^= NextWord(key, ref at);
        }

        var (left, right) = (0u, 0u);
        at = 0;
        for (var i = 0; i < _words.Length; i += 2)
        {
            if (!salt.IsEmpty)
            {
                left ^= NextWord(salt, ref at);
                right ^= NextWord(salt, ref at);
            }

            Encrypt(ref left, ref right);
            _words[i] = left;
            _words[i + 1] = right;
        }
    }

    /// <summary>Encrypts one block.</summary>
    public void Encrypt(ref uint left, ref uint right)
    {
        ReadOnlySpan<uint> subkeys = _words.AsSpan(0, SubkeyCount);
        ReadOnlySpan<uint> boxes = _words.AsSpan(SubkeyCount, BoxCount * BoxSize);
        var (l, r) = (left, right);
        for (var round = 0; round < Rounds; round += 2)
        {
            l ^= subkeys[round];
            r ^= Scramble(boxes, l);
            r ^= subkeys[round + 1];
            l ^= Scramble(boxes, r);
        }

        // The halves were exchanged in every round but the last.
        (left, right) = (r ^ subkeys[Rounds + 1], l ^ subkeys[Rounds]);
    }

    /// <summary>Leaves nothing of the keys in memory.</summary>
    public void Dispose() => CryptographicOperations.ZeroMemory(System.Runtime.InteropServices.MemoryMarshal.AsBytes(_words.AsSpan()));

    private static uint Scramble(ReadOnlySpan<uint> boxes, uint half)
        => ((boxes[(int)(half >> 24)] + boxes[BoxSize + (int)((half >> 16) & 0xff)])
                ^ boxes[(2 * BoxSize) + (int)((half >> 8) & 0xff)])
            + boxes[(3 * BoxSize) + (int)(half & 0xff)];

    private static uint NextWord(ReadOnlySpan<byte> bytes, ref int at)
    {
        if (at + sizeof(uint) <= bytes.Length)
        {
            at += sizeof(uint);
            return BinaryPrimitives.ReadUInt32BigEndian(bytes[(at - sizeof(uint))..]);
        }

        var word = 0u;
        for (var i = 0; i < sizeof(uint); i++)
        {
            at = at == bytes.Length ? 0 : at;
            word = (word << 8) | bytes[at++];
        }

        return word;
    }
}
