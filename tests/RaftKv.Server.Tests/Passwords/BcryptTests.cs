using System.Text;
using RaftKv.Server.Passwords;

namespace RaftKv.Server.Tests.Passwords;

/// <summary>Hashes of passwords, beside those that the C library of a Linux makes of the same ones.</summary>
public sealed class BcryptTests
{
    private const string Longest = "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx";

    [Theory]
    [InlineData("", "$2a$04$abcdefghijklmnopqrstuubyCG3zY1GIXMyxfivm.ClDiInHzxjiq")]
    [InlineData("a", "$2b$05$......................2vjzcADwWgyZ3m10pK7p1HZi2sECLzS")]
    [InlineData("root", "$2y$06$N9qo8uLOickgx2ZMRZoMyeQalwBLXXT0qM3BCbDFBNQgm566IddoC")]
    [InlineData(Longest, "$2a$04$N9qo8uLOickgx2ZMRZoMyedlslr.Jty7xCSm4JGSxc8PDTmSzo582")]
    [InlineData(Longest + "y", "$2a$04$N9qo8uLOickgx2ZMRZoMyedlslr.Jty7xCSm4JGSxc8PDTmSzo582")]
    [InlineData("pä€😀", "$2a$04$XXXXXXXXXXXXXXXXXXXXXOaVectECDN5mBuafhvcZYStYhnTIMTkK")]
    [InlineData("secret of thirty-one characters", "$2a$10$7EqJtq98hPqEX7fNZaFWoO.9vijU9BB/zJA5iM5NYmhYWQL7w1EUO")]
    public void What_others_hashed_is_recognised(string password, string hash)
    {
        Assert.True(Bcrypt.IsRight(Encoding.UTF8.GetBytes(password), Encoding.ASCII.GetBytes(hash)));
        Assert.False(Bcrypt.IsRight(Encoding.UTF8.GetBytes("x" + password[..Math.Min(password.Length, 70)] + "!"), Encoding.ASCII.GetBytes(hash)));
    }

    [Theory]
    [InlineData("")]
    [InlineData("p")]
    [InlineData(Longest)]
    public void A_hash_is_of_one_password_and_different_every_time(string password)
    {
        var bytes = Encoding.UTF8.GetBytes(password);

        var hash = Bcrypt.Hash(bytes, cost: 4);

        Assert.Matches(@"^\$2a\$04\$[./A-Za-z0-9]{53}$", Encoding.ASCII.GetString(hash));
        Assert.True(Bcrypt.IsRight(bytes, hash));
        Assert.False(Bcrypt.IsRight([.. bytes.AsSpan(0, Math.Min(bytes.Length, 71)), (byte)'!'], hash));
        Assert.NotEqual(hash, Bcrypt.Hash(bytes, cost: 4));
    }

    [Theory]
    [InlineData("")]
    [InlineData("$2a$04$")]
    [InlineData("$1a$04$abcdefghijklmnopqrstuubyCG3zY1GIXMyxfivm.ClDiInHzxjiq")]
    [InlineData("$2c$04$abcdefghijklmnopqrstuubyCG3zY1GIXMyxfivm.ClDiInHzxjiq")]
    [InlineData("$2a$03$abcdefghijklmnopqrstuubyCG3zY1GIXMyxfivm.ClDiInHzxjiq")]
    [InlineData("$2a$32$abcdefghijklmnopqrstuubyCG3zY1GIXMyxfivm.ClDiInHzxjiq")]
    [InlineData("$2a$+4$abcdefghijklmnopqrstuubyCG3zY1GIXMyxfivm.ClDiInHzxjiq")]
    [InlineData("$2a$04$abcdefghijklmnopqrstu=byCG3zY1GIXMyxfivm.ClDiInHzxjiq")]
    [InlineData("$2a$04$abcdefghijklmnopqrstuubyCG3zY1GIXMyxfivm.ClDiInHzxji")]
    [InlineData("$2a$04$abcdefghijklmnopqrstuubyCG3zY1GIXMyxfivm.ClDiInHzxji*")]
    public void What_is_no_hash_fits_no_password(string hash)
        => Assert.False(Bcrypt.IsRight([], Encoding.ASCII.GetBytes(hash)));

    [Fact]
    public void Pi_is_pi()
    {
        var words = PiWords.First(18 + 1024);

        // As hexadecimal digits of pi are known to begin, and where the last of those that are needed lie.
        Assert.Equal([0x243f6a88u, 0x85a308d3u, 0x13198a2eu, 0x03707344u], words[..4]);
        Assert.Equal(words, PiWords.First(2000)[..words.Length]);
    }

    [Fact]
    public async Task Nobodys_password_is_never_right()
    {
        using var hashes = new PasswordHashes(cost: 4);
        var none = TestContext.Current.CancellationToken;

        Assert.False(await hashes.IsRightAsync("", null, none));
        Assert.False(await hashes.IsRightAsync("p", null, none));
        Assert.False(await hashes.IsRightAsync("", default(ReadOnlyMemory<byte>), none));
        var hash = await hashes.HashAsync("p", none);
        Assert.True(await hashes.IsRightAsync("p", hash, none));
        Assert.False(await hashes.IsRightAsync("q", hash, none));
    }

    [Fact]
    public void A_password_fits_by_its_bytes()
    {
        Assert.True(PasswordHashes.Fits(Longest));
        Assert.False(PasswordHashes.Fits(Longest + "x"));
        Assert.False(PasswordHashes.Fits(string.Concat(Enumerable.Repeat("€", 25))));
    }
}
