"""netbend"""
