using Google.Protobuf;

namespace RaftKv.Differential.Text;

/// <summary>Copies of messages whose type is not known to the compiler.</summary>
internal static class MessageCopy
{
    public static TMessage Of<TMessage>(TMessage message)
        where TMessage : IMessage
        => (TMessage)message.Descriptor.Parser.ParseFrom(message.ToByteString());
}
