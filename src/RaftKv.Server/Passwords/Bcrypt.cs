using System.Buffers.Binary;
using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.Security.Cryptography;
using System.Text;

namespace RaftKv.Server.Passwords;

/// <summary>
/// Hashes of passwords as etcd stores them, so that users move in and out with their passwords. It is slow on purpose:
/// every step of the cost doubles the work of whoever guesses, and ours.
/// <code>
///   $2a$10$ 22 characters of salt, 31 characters of hash
/// </code>
/// </summary>
internal static class Bcrypt
{
    /// <summary>Of what is longer, the rest would not count.</summary>
    public const int MaxPasswordBytes = 72;

    public const int MinCost = 4;

    public const int MaxCost = 31;

    private const int SaltBytes = 16;
    private const int HashBytes = 23;
    private const int SaltStart = 7;
    private const int HashStart = SaltStart + 22;
    private const int Length = HashStart + 31;
    private const int Encryptions = 64;
    private const string Digits = "./ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";

    // Three blocks that are encrypted again and again.
    private static readonly byte[] Text = "OrpheanBeholderScryDoubt"u8.ToArray();

    /// <summary>Hashes a password with a salt of its own.</summary>
    /// <param name="password">At most <see cref="MaxPasswordBytes"/>.</param>
    /// <param name="cost">From <see cref="MinCost"/> to <see cref="MaxCost"/>.</param>
    public static byte[] Hash(ReadOnlySpan<byte> password, int cost)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan(password.Length, MaxPasswordBytes);
        ArgumentOutOfRangeException.ThrowIfLessThan(cost, MinCost);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(cost, MaxCost);
        Span<byte> salt = stackalloc byte[SaltBytes];
        RandomNumberGenerator.Fill(salt);
        var hash = string.Create(
            CultureInfo.InvariantCulture, $"$2a${cost:00}${InDigits(salt)}{InDigits(WorkOut(password, salt, cost))}");
        return Encoding.ASCII.GetBytes(hash);
    }

    /// <summary>Whether this is the password that was hashed. How long it takes does not depend on how wrong it is.</summary>
    /// <returns>False also if the hash is none.</returns>
    public static bool IsRight(ReadOnlySpan<byte> password, ReadOnlySpan<byte> hash)
    {
        if (hash.Length != Length
            || !hash.StartsWith("$2"u8)
            || hash[2] is not ((byte)'a' or (byte)'b' or (byte)'y')
            || hash[3] != '$'
            || hash[6] != '$'
            || !int.TryParse(hash[4..6], NumberStyles.None, CultureInfo.InvariantCulture, out var cost)
            || cost is < MinCost or > MaxCost
            || !TryReadDigits(hash[SaltStart..HashStart], SaltBytes, out var salt)
            || !TryReadDigits(hash[HashStart..], HashBytes, out var expected))
        {
            return false;
        }

        return CryptographicOperations.FixedTimeEquals(WorkOut(password, salt, cost), expected);
    }

    private static byte[] WorkOut(ReadOnlySpan<byte> password, ReadOnlySpan<byte> salt, int cost)
    {
        // The zero at the end is part of the key, as it is of a string in C; where the password is as long as it may be,
        // there is no room for it.
        Span<byte> key = stackalloc byte[MaxPasswordBytes];
        key.Clear();
        var taken = Math.Min(password.Length, MaxPasswordBytes);
        password[..taken].CopyTo(key);
        key = key[..Math.Min(taken + 1, MaxPasswordBytes)];
        using var cipher = new Blowfish();
        cipher.Mix(key, salt);
        for (var i = 0L; i < 1L << cost; i++)
        {
            cipher.Mix(key);
            cipher.Mix(salt);
        }

        CryptographicOperations.ZeroMemory(key);
        Span<byte> blocks = stackalloc byte[Text.Length];
        for (var at = 0; at < Text.Length; at += 2 * sizeof(uint))
        {
            var left = BinaryPrimitives.ReadUInt32BigEndian(Text.AsSpan(at));
            var right = BinaryPrimitives.ReadUInt32BigEndian(Text.AsSpan(at + sizeof(uint)));
            for (var i = 0; i < Encryptions; i++)
            {
                cipher.Encrypt(ref left, ref right);
            }

            BinaryPrimitives.WriteUInt32BigEndian(blocks[at..], left);
            BinaryPrimitives.WriteUInt32BigEndian(blocks[(at + sizeof(uint))..], right);
        }

        return blocks[..HashBytes].ToArray();
    }

    // Six bits a digit, the highest first, as base64 has it but for the digits.
    private static string InDigits(ReadOnlySpan<byte> bytes)
    {
        var text = new StringBuilder();
        var (bits, count) = (0, 0);
        foreach (var one in bytes)
        {
            bits = (bits << 8) | one;
            for (count += 8; count >= 6; count -= 6)
            {
                text.Append(Digits[(bits >> (count - 6)) & 63]);
            }
        }

        return count > 0 ? text.Append(Digits[(bits << (6 - count)) & 63]).ToString() : text.ToString();
    }

    private static bool TryReadDigits(ReadOnlySpan<byte> text, int length, [NotNullWhen(true)] out byte[]? bytes)
    {
        bytes = new byte[length];
        var (bits, count, at) = (0, 0, 0);
        foreach (var digit in text)
        {
            var value = Digits.IndexOf((char)digit, StringComparison.Ordinal);
            if (value < 0)
            {
                bytes = null;
                return false;
            }

            bits = (bits << 6) | value;
            count += 6;
            if (count >= 8 && at < length)
            {
                count -= 8;
                bytes[at++] = (byte)(bits >> count);
            }
        }

        return true;
    }
}
